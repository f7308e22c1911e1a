"""Writing and resuming bundles."""

import os
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from app.report.bundle_check import check_bundle
from app.report.bundle_contents import BundleError
from app.report.bundle_writer import pack_bundle
from tests.report.conftest import MASKER, TOKEN, collect, pack, write_file


def test_matching_files_are_packed_without_checkpoints(artifacts: Path, tmp_path: Path) -> None:
    target = tmp_path / "s1.tar"
    result = pack_bundle(collect(artifacts), target, MASKER)
    with tarfile.open(target) as tar:
        names = tar.getnames()
    assert names == [
        "s1/models/dpo_model/adapter_model.safetensors",
        "s1/models/sft_model/adapter_model.safetensors",
        "s1/final_comparison.txt",
        "s1/logs/sft_training_1.log",
        "s1/models/sft_model/adapter_config.json",
        f"s1/sessions/s1/attempts/{'long_' * 30}/1/output.log",
        "s1/sessions/s1/journal.jsonl",
        "s1/sft_data/sft_training_data_1.jsonl",
        "s1/BUNDLE.json",
        "s1/MANIFEST.sha256",
    ]
    assert result.files == len(names) - 1 == check_bundle(target).files
    assert result.bytes == target.stat().st_size
    assert target.stat().st_mode & 0o777 == 0o600
    assert check_bundle(target).problems == ()


def test_a_token_in_a_log_is_masked(artifacts: Path, tmp_path: Path) -> None:
    write_file(artifacts / "logs/training_args.bin", b"\0pickle " + TOKEN.encode())
    result = pack_bundle(collect(artifacts), tmp_path / "s1.tar", MASKER)
    data = (tmp_path / "s1.tar").read_bytes()
    assert TOKEN.encode() not in data
    assert b"logging in with [secret HF_TOKEN]\nstep 2" in data
    assert result.masked == ("logs/sft_training_1.log",)
    assert result.notices == ("logs/training_args.bin: left out, because it is binary and contains a secret",)
    assert TOKEN.encode() in (artifacts / "logs/sft_training_1.log").read_bytes()
    assert check_bundle(tmp_path / "s1.tar").problems == ()


def test_the_name_of_the_bundle_does_not_matter(artifacts: Path, tmp_path: Path) -> None:
    assert pack(artifacts, tmp_path / "home.of.it.tar") == pack(artifacts, tmp_path / "s1.tar")


def test_the_same_files_give_the_same_bytes(artifacts: Path, tmp_path: Path) -> None:
    first = pack(artifacts, tmp_path / "a/s1.tar")
    for path in artifacts.rglob("*"):
        os.utime(path, (1, 1))
    assert pack(artifacts, tmp_path / "b/s1.tar") == first


class Interrupted(BaseException):
    """Stands for Ctrl+C."""


@pytest.mark.parametrize("share", [0.0, 0.1, 0.55, 0.7, 0.97, 1.0])
def test_an_interrupted_bundle_is_resumed(artifacts: Path, tmp_path: Path, share: float) -> None:
    whole = pack(artifacts, tmp_path / "whole/s1.tar")
    target = tmp_path / "s1.tar"

    def interrupt(done: int, total: int) -> None:
        if done >= share * total:
            raise Interrupted

    with pytest.raises(Interrupted):
        pack_bundle(collect(artifacts), target, MASKER, interrupt)
    assert not target.exists()
    result = pack_bundle(collect(artifacts), target, MASKER)
    assert target.read_bytes() == whole
    assert (result.resumed_bytes > 0) == (share > 0.6)
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["s1.tar"]


def test_changed_weights_are_packed_again(artifacts: Path, tmp_path: Path) -> None:
    target = tmp_path / "s1.tar"

    def interrupt(done: int, total: int) -> None:
        if done >= 0.99 * total:
            raise Interrupted

    with pytest.raises(Interrupted):
        pack_bundle(collect(artifacts), target, MASKER, interrupt)
    write_file(artifacts / "models/sft_model/adapter_model.safetensors", b"other")
    pack_bundle(collect(artifacts), target, MASKER)
    assert check_bundle(target).problems == ()
    assert target.read_bytes() == pack(artifacts, tmp_path / "whole/s1.tar")


def test_a_truncated_partial_bundle_is_not_resumed_past_its_end(artifacts: Path, tmp_path: Path) -> None:
    target = tmp_path / "s1.tar"

    def interrupt(done: int, total: int) -> None:
        if done >= 0.99 * total:
            raise Interrupted

    with pytest.raises(Interrupted):
        pack_bundle(collect(artifacts), target, MASKER, interrupt)
    partial = tmp_path / "s1.tar.partial"
    partial.write_bytes(partial.read_bytes()[:1000])
    (tmp_path / "s1.tar.partial.jsonl").open("ab").write(b'{"torn')
    assert pack_bundle(collect(artifacts), target, MASKER).resumed_bytes == 0
    assert target.read_bytes() == pack(artifacts, tmp_path / "whole/s1.tar")


def test_a_growing_log_is_packed_up_to_its_initial_size(artifacts: Path, tmp_path: Path) -> None:
    listed = collect(artifacts)
    with (artifacts / "logs/sft_training_1.log").open("ab") as log:
        log.write(b"step 3\n")
    pack_bundle(listed, tmp_path / "s1.tar", MASKER)
    assert b"step 3" not in (tmp_path / "s1.tar").read_bytes()
    assert check_bundle(tmp_path / "s1.tar").problems == ()


def test_a_shrinking_file_is_an_error(artifacts: Path, tmp_path: Path) -> None:
    listed = collect(artifacts)
    write_file(artifacts / "models/sft_model/adapter_model.safetensors", b"short")
    with pytest.raises(BundleError, match="changed while it was packed"):
        pack_bundle(listed, tmp_path / "s1.tar", MASKER)


def test_two_processes_do_not_write_the_same_bundle(artifacts: Path, tmp_path: Path) -> None:
    def again(done: int, total: int) -> None:
        with pytest.raises(BundleError, match="another process"):
            pack_bundle(collect(artifacts), tmp_path / "s1.tar", MASKER)

    pack_bundle(collect(artifacts), tmp_path / "s1.tar", MASKER, again)


def test_memory_is_constant(artifacts: Path, tmp_path: Path) -> None:
    write_file(artifacts / "models/big.safetensors", bytes(20 << 20))
    write_file(artifacts / "logs/big.log", b"step 1 loss 0.5 50% done\n" * 400_000)
    tracemalloc.start()
    pack_bundle(collect(artifacts), tmp_path / "s1.tar", MASKER)
    assert check_bundle(tmp_path / "s1.tar").problems == ()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize("name", ["s1.tar", "s1.tar.partial", "s1.tar.partial.jsonl"])
@pytest.mark.parametrize("put", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/null")])
def test_a_bundle_replaces_no_device_pipe_or_folder(
    artifacts: Path, tmp_path: Path, name: str, put: Callable[[Path], None]
) -> None:
    put(tmp_path / name)
    before = (tmp_path / name).lstat()
    with pytest.raises(BundleError, match="not a regular file"):
        pack_bundle(collect(artifacts), tmp_path / "s1.tar", MASKER)
    assert (tmp_path / name).lstat() == before
