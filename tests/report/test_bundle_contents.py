"""Selection of the files in a bundle."""

from pathlib import Path

import pytest

from app.report.bundle_contents import BundleError, collect_contents
from app.report.bundle_writer import pack_bundle
from tests.report.conftest import MASKER, PATTERNS, collect, write_file


def test_sizes_are_available_before_packing(artifacts: Path) -> None:
    groups = collect(artifacts).groups
    assert groups["models"] == (3, 256 * 800 + 9)
    assert groups["final_comparison.*"] == (1, 19)
    assert "sessions/s1" in groups
    assert sum(size for _, size in groups.values()) == collect(artifacts).bytes


def test_links_and_unsafe_names_are_left_out_with_a_notice(artifacts: Path, tmp_path: Path) -> None:
    write_file(tmp_path / "outside.txt", b"outside")
    (artifacts / "logs/link.log").symlink_to(tmp_path / "outside.txt")
    (artifacts / "sft_data/away").symlink_to(tmp_path)
    write_file(artifacts / "logs/line\nbreak.log", b"")
    listed = collect_contents(artifacts, [*PATTERNS, "sft_data/away/*", "nothing"], artifacts / "sessions/s1")
    assert sorted(notice.split(":")[0] for notice in listed.notices) == [
        "'logs/line\\nbreak.log'",
        "logs/link.log",
        "no file matches nothing",
        "sft_data/away",
    ]
    pack_bundle(listed, tmp_path / "s1.tar", MASKER)
    assert b"outside" not in (tmp_path / "s1.tar").read_bytes()


def test_outputs_that_no_pattern_names_are_left_out_with_a_notice(artifacts: Path) -> None:
    write_file(artifacts / "my_model/model.safetensors", bytes(9))
    write_file(artifacts / "rehearsal/sessions/s0/session.json", b"{}")
    write_file(artifacts / "checkpoint-9/optimizer.pt", b"")
    write_file(artifacts / "bundles/s0.tar", b"old")
    assert collect(artifacts).notices == (
        "my_model: left out, because bundle.include in the plan does not name it",
    )
    listed = collect_contents(artifacts, [*PATTERNS, "my_*"], artifacts / "sessions/s1")
    assert listed.notices == ()


def test_a_star_leaves_out_bundles_archive_and_temporary_files(artifacts: Path) -> None:
    write_file(artifacts / "bundles/s0.tar", b"old")
    write_file(artifacts / "archive/s0/final_comparison.txt", b"old")
    write_file(artifacts / ".final_comparison.txt.x1", b"half")
    listed = collect_contents(artifacts, ["*"], artifacts / "sessions/s1")
    assert {file.name.split("/")[0] for file in listed.files} == {
        "final_comparison.txt",
        "logs",
        "models",
        "sessions",
        "sft_data",
    }
    assert not any("checkpoint" in file.name for file in listed.files)


@pytest.mark.parametrize("pattern", ["../other", "/etc/*", "", "a/../../b"])
def test_a_pattern_outside_the_folder_is_an_error(artifacts: Path, pattern: str) -> None:
    with pytest.raises(BundleError, match="below the artifact folder"):
        collect_contents(artifacts, [pattern], artifacts / "sessions/s1")


def test_the_space_reserved_for_the_journal_is_left_out_but_no_output_of_that_name(artifacts: Path) -> None:
    write_file(artifacts / "sessions/s1/session.json", b"{}")
    write_file(artifacts / "sessions/s1/reserve", bytes(1000))
    write_file(artifacts / "logs/reserve", b"an output")
    names = {file.name for file in collect(artifacts).files}
    assert "sessions/s1/session.json" in names
    assert "sessions/s1/reserve" not in names
    assert "logs/reserve" in names
