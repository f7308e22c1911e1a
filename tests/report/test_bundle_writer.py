"""Packing, resuming, checking and unpacking bundles."""

import os
import re
import subprocess
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.report.bundle_check import check_bundle, unpack_bundle
from app.report.bundle_contents import BundleContents, BundleError, collect_contents
from app.report.bundle_format import END_OF_ARCHIVE, encode_header, encode_padding
from app.report.bundle_writer import pack_bundle
from app.report.commands import transfer_commands
from app.session.masking import Masker

TOKEN = "hf_0123456789abcdef"
MASKER = Masker({"HF_TOKEN": TOKEN})
PATTERNS = ["models", "sft_data", "logs", "final_comparison.*"]


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts"
    write(folder / "models/sft_model/adapter_model.safetensors", bytes(range(256)) * 300)
    write(folder / "models/dpo_model/adapter_model.safetensors", bytes(range(255, -1, -1)) * 500)
    write(folder / "models/sft_model/adapter_config.json", b'{"r": 32}')
    write(folder / "models/sft_model/checkpoint-10/optimizer.pt", b"o" * 9999)
    write(folder / "sft_data/sft_training_data_1.jsonl", b'{"instruction": "Name three primes."}\n' * 50)
    write(folder / "logs/sft_training_1.log", f"step 1\nlogging in with {TOKEN}\nstep 2\n".encode())
    write(folder / "final_comparison.txt", b"base 10 %\nSFT 70 %\n")
    write(folder / "sessions/s1/journal.jsonl", b'{"seq":1}\n')
    write(folder / f"sessions/s1/attempts/{'long_' * 30}/1/output.log", "größer\n".encode())
    write(folder / "sessions/other/journal.jsonl", b"")
    return folder


def bundle_contents(artifacts: Path) -> BundleContents:
    return collect_contents(artifacts, PATTERNS, artifacts / "sessions/s1")


def packed(artifacts: Path, target: Path) -> bytes:
    pack_bundle(bundle_contents(artifacts), target, MASKER)
    return target.read_bytes()


def test_what_is_named_is_packed_and_checkpoints_are_not(artifacts: Path, tmp_path: Path) -> None:
    target = tmp_path / "s1.tar"
    result = pack_bundle(bundle_contents(artifacts), target, MASKER)
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
    write(artifacts / "logs/training_args.bin", b"\0pickle " + TOKEN.encode())
    result = pack_bundle(bundle_contents(artifacts), tmp_path / "s1.tar", MASKER)
    data = (tmp_path / "s1.tar").read_bytes()
    assert TOKEN.encode() not in data
    assert b"logging in with [secret HF_TOKEN]\nstep 2" in data
    assert result.masked == ("logs/sft_training_1.log",)
    assert result.notices == ("logs/training_args.bin: left out, because it is binary and contains a secret",)
    assert TOKEN.encode() in (artifacts / "logs/sft_training_1.log").read_bytes()
    assert check_bundle(tmp_path / "s1.tar").problems == ()


def test_the_name_of_the_bundle_does_not_matter(artifacts: Path, tmp_path: Path) -> None:
    assert packed(artifacts, tmp_path / "home.of.it.tar") == packed(artifacts, tmp_path / "s1.tar")


def test_the_sizes_are_known_before(artifacts: Path) -> None:
    groups = bundle_contents(artifacts).groups
    assert groups["models"] == (3, 256 * 800 + 9)
    assert groups["final_comparison.*"] == (1, 19)
    assert "sessions/s1" in groups
    assert sum(size for _, size in groups.values()) == bundle_contents(artifacts).bytes


def test_the_same_files_give_the_same_bytes(artifacts: Path, tmp_path: Path) -> None:
    first = packed(artifacts, tmp_path / "a/s1.tar")
    for path in artifacts.rglob("*"):
        os.utime(path, (1, 1))
    assert packed(artifacts, tmp_path / "b/s1.tar") == first


class Interrupted(BaseException):
    """Stands for Ctrl+C."""


@pytest.mark.parametrize("share", [0.0, 0.1, 0.55, 0.7, 0.97, 1.0])
def test_interrupted_and_resumed(artifacts: Path, tmp_path: Path, share: float) -> None:
    whole = packed(artifacts, tmp_path / "whole/s1.tar")
    target = tmp_path / "s1.tar"

    def interrupt(done: int, total: int) -> None:
        if done >= share * total:
            raise Interrupted

    with pytest.raises(Interrupted):
        pack_bundle(bundle_contents(artifacts), target, MASKER, interrupt)
    assert not target.exists()
    result = pack_bundle(bundle_contents(artifacts), target, MASKER)
    assert target.read_bytes() == whole
    assert (result.resumed_bytes > 0) == (share > 0.6)
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["s1.tar"]


def test_weights_that_changed_since_are_packed_again(artifacts: Path, tmp_path: Path) -> None:
    target = tmp_path / "s1.tar"

    def interrupt(done: int, total: int) -> None:
        if done >= 0.99 * total:
            raise Interrupted

    with pytest.raises(Interrupted):
        pack_bundle(bundle_contents(artifacts), target, MASKER, interrupt)
    write(artifacts / "models/sft_model/adapter_model.safetensors", b"other")
    pack_bundle(bundle_contents(artifacts), target, MASKER)
    assert check_bundle(target).problems == ()
    assert target.read_bytes() == packed(artifacts, tmp_path / "whole/s1.tar")


def test_a_bundle_cut_by_a_crash_is_not_continued_past_the_cut(artifacts: Path, tmp_path: Path) -> None:
    target = tmp_path / "s1.tar"

    def interrupt(done: int, total: int) -> None:
        if done >= 0.99 * total:
            raise Interrupted

    with pytest.raises(Interrupted):
        pack_bundle(bundle_contents(artifacts), target, MASKER, interrupt)
    partial = tmp_path / "s1.tar.partial"
    partial.write_bytes(partial.read_bytes()[:1000])
    (tmp_path / "s1.tar.partial.jsonl").open("ab").write(b'{"torn')
    assert pack_bundle(bundle_contents(artifacts), target, MASKER).resumed_bytes == 0
    assert target.read_bytes() == packed(artifacts, tmp_path / "whole/s1.tar")


def test_a_log_that_grows_is_packed_as_it_was_found(artifacts: Path, tmp_path: Path) -> None:
    listed = bundle_contents(artifacts)
    with (artifacts / "logs/sft_training_1.log").open("ab") as log:
        log.write(b"step 3\n")
    pack_bundle(listed, tmp_path / "s1.tar", MASKER)
    assert b"step 3" not in (tmp_path / "s1.tar").read_bytes()
    assert check_bundle(tmp_path / "s1.tar").problems == ()


def test_a_file_that_shrinks_is_said(artifacts: Path, tmp_path: Path) -> None:
    listed = bundle_contents(artifacts)
    write(artifacts / "models/sft_model/adapter_model.safetensors", b"short")
    with pytest.raises(BundleError, match="changed while it was packed"):
        pack_bundle(listed, tmp_path / "s1.tar", MASKER)


def test_links_and_odd_names_are_left_out_and_said(artifacts: Path, tmp_path: Path) -> None:
    write(tmp_path / "outside.txt", b"outside")
    (artifacts / "logs/link.log").symlink_to(tmp_path / "outside.txt")
    (artifacts / "sft_data/away").symlink_to(tmp_path)
    write(artifacts / "logs/line\nbreak.log", b"")
    listed = collect_contents(artifacts, [*PATTERNS, "sft_data/away/*", "nothing"], artifacts / "sessions/s1")
    assert sorted(notice.split(":")[0] for notice in listed.notices) == [
        "'logs/line\\nbreak.log'",
        "logs/link.log",
        "nothing",
        "sft_data/away",
    ]
    pack_bundle(listed, tmp_path / "s1.tar", MASKER)
    assert b"outside" not in (tmp_path / "s1.tar").read_bytes()


def test_everything_is_all_but_what_is_kept_elsewhere(artifacts: Path) -> None:
    write(artifacts / "bundles/s0.tar", b"old")
    write(artifacts / "archive/s0/final_comparison.txt", b"old")
    write(artifacts / ".final_comparison.txt.x1", b"half")
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
def test_a_pattern_that_leaves_the_folder_is_refused(artifacts: Path, pattern: str) -> None:
    with pytest.raises(BundleError, match="below the artifact folder"):
        collect_contents(artifacts, [pattern], artifacts / "sessions/s1")


def test_two_at_once_do_not_write_the_same_bundle(artifacts: Path, tmp_path: Path) -> None:
    def again(done: int, total: int) -> None:
        with pytest.raises(BundleError, match="another process"):
            pack_bundle(bundle_contents(artifacts), tmp_path / "s1.tar", MASKER)

    pack_bundle(bundle_contents(artifacts), tmp_path / "s1.tar", MASKER, again)


def test_memory_is_constant(artifacts: Path, tmp_path: Path) -> None:
    write(artifacts / "models/big.safetensors", bytes(20 << 20))
    write(artifacts / "logs/big.log", b"step 1 loss 0.5 50% done\n" * 400_000)
    tracemalloc.start()
    pack_bundle(bundle_contents(artifacts), tmp_path / "s1.tar", MASKER)
    assert check_bundle(tmp_path / "s1.tar").problems == ()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def test_one_flipped_byte_anywhere_is_found(artifacts: Path, tmp_path: Path) -> None:
    for path in artifacts.rglob("*.safetensors"):
        path.write_bytes(b"weights " * 20)
    write(artifacts / "sft_data/sft_training_data_1.jsonl", b"{}\n")
    data = bytearray(packed(artifacts, tmp_path / "s1.tar"))
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(data)
    with damaged.open("r+b") as file:
        for at in range(0, len(data), 7):
            os.pwrite(file.fileno(), bytes([data[at] ^ 1 << at % 8]), at)
            assert check_bundle(damaged).problems, at
            os.pwrite(file.fileno(), data[at : at + 1], at)
    assert check_bundle(damaged).problems == ()


def test_a_tampered_file_is_named(artifacts: Path, tmp_path: Path) -> None:
    data = packed(artifacts, tmp_path / "s1.tar")
    (tmp_path / "s1.tar").write_bytes(data.replace(b"SFT 70 %", b"SFT 99 %"))
    problems = check_bundle(tmp_path / "s1.tar").problems
    assert problems == ("final_comparison.txt: the content differs from the manifest",)
    assert unpack_bundle(tmp_path / "s1.tar", tmp_path / "home").problems == problems
    assert list((tmp_path / "home").iterdir()) == []


@given(cut=st.integers(0, 10**9))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_bundle_that_was_cut_is_not_whole(cut: int, artifacts: Path, tmp_path: Path) -> None:
    target = tmp_path / "s1.tar"
    data = target.read_bytes() if target.exists() else packed(artifacts, target)
    short = tmp_path / "short.tar"
    short.write_bytes(data[: cut % len(data)])
    assert check_bundle(short).problems
    short.write_bytes(data + b"\0" * (1 + cut % 5000))
    assert check_bundle(short).problems


@given(data=st.binary(max_size=3000))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_only_a_bad_bundle(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "any.tar").write_bytes(data)
    assert check_bundle(tmp_path / "any.tar").problems


def test_unpacked_and_checked_there_also_without_gonogo(artifacts: Path, tmp_path: Path) -> None:
    packed(artifacts, tmp_path / "s1.tar")
    home = tmp_path / "home"
    assert unpack_bundle(tmp_path / "s1.tar", home).problems == ()
    folder = home / "s1"
    assert (folder / "final_comparison.txt").read_bytes() == b"base 10 %\nSFT 70 %\n"
    assert check_bundle(folder).problems == ()
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "MANIFEST.sha256"], cwd=folder, check=True)
    with pytest.raises(FileExistsError):
        unpack_bundle(tmp_path / "s1.tar", home)

    (folder / "final_comparison.txt").write_bytes(b"base 10 %\nSFT 71 %\n")
    (folder / "logs/sft_training_1.log").unlink()
    (folder / "extra").write_bytes(b"")
    (folder / "link").symlink_to("/etc")
    assert sorted(check_bundle(folder).problems) == [
        "'extra': not in the manifest",
        "'link': not a regular file",
        "final_comparison.txt: the content differs from the manifest",
        "logs/sft_training_1.log: missing",
    ]


def hostile(name: str = "s1/x", **fields: object) -> bytes:
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.PAX_FORMAT)


def honest(name: str, data: bytes = b"") -> bytes:
    return encode_header(name, len(data)) + data + encode_padding(len(data))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (honest("../s1/x", b"evil"), "plain relative path"),
        (honest("/etc/passwd", b"evil"), "plain relative path"),
        (honest("s1/../../x", b"evil"), "plain relative path"),
        (honest("s1/./x", b"evil"), "plain relative path"),
        (honest("s1/x\x1b[2J", b"evil"), "plain relative path"),
        (honest("C:/x", b"evil"), "plain relative path"),
        (hostile("s1/" + "long/" * 100 + "../x"), "plain relative path"),
        (hostile(type=tarfile.SYMTYPE, linkname="/etc"), "symbolic link"),
        (hostile(type=tarfile.LNKTYPE, linkname="s1/y"), "hard link"),
        (hostile(type=tarfile.CHRTYPE, devmajor=1, devminor=3), "device"),
        (hostile(type=tarfile.BLKTYPE), "device"),
        (hostile(type=tarfile.FIFOTYPE), "pipe"),
        (hostile(type=tarfile.DIRTYPE), "folder"),
        (hostile(mode=0o4755), "not the one"),
        (hostile(uid=1), "not the one"),
        (hostile(mtime=1), "not the one"),
        (hostile(size=1 << 60), "more than the rest"),
        (hostile(size=100), "more than the rest"),
        (hostile(pax_headers={"path": "s1/other"}), "damaged|not the one"),
        (hostile(pax_headers={"comment": "x" * 100_000}), "header of"),
        (honest("s1/x", b"1") + honest("s1/x", b"2"), "twice"),
        (honest("s1/x", b"1") + honest("s1/x/y", b"2"), "twice"),
        (honest("s1/x", b"1") + honest("s2/y", b"2"), "twice"),
        (honest("x", b"1"), "twice"),
        (honest("s1/x", b"1"), "not in the manifest"),
        (honest("s1/MANIFEST.sha256", b"0" * 64 + b"  ../x\n"), "line 1"),
        (honest("s1/MANIFEST.sha256", b"0" * 64 + b"  x\n"), "missing"),
        (b"", "not in the manifest|ends too early|missing"),
    ],
)
def test_hostile_bundles_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    target = tmp_path / "hostile.tar"
    target.write_bytes(data + (END_OF_ARCHIVE if data else b""))
    problems = unpack_bundle(target, tmp_path / "home").problems
    assert len(problems) == 1
    assert re.search(message, problems[0])
    assert list((tmp_path / "home").iterdir()) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "hostile.tar"]


def test_the_commands_that_fetch_it() -> None:
    environment = {"RUNPOD_PUBLIC_IP": "195.26.233.96", "RUNPOD_TCP_PORT_22": "40022"}
    rsync, scp = transfer_commands(Path("/workspace/my artifacts/s1.tar"), environment)
    assert rsync.endswith("-e 'ssh -p 40022' 'root@195.26.233.96:/workspace/my artifacts/s1.tar' .")
    assert scp == "scp -P 40022 'root@195.26.233.96:/workspace/my artifacts/s1.tar' ."
    assert "PORT" in transfer_commands(Path("s1.tar"), {})[1]
