"""Checking and unpacking bundles, including hostile ones."""

import hashlib
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.report.bundle_check import check_bundle, unpack_bundle
from app.report.bundle_format import END_OF_ARCHIVE, encode_header, encode_padding
from tests.report.conftest import pack, write_file


def test_any_flipped_byte_is_detected(artifacts: Path, tmp_path: Path) -> None:
    for path in artifacts.rglob("*.safetensors"):
        path.write_bytes(b"weights " * 20)
    write_file(artifacts / "sft_data/sft_training_data_1.jsonl", b"{}\n")
    data = bytearray(pack(artifacts, tmp_path / "s1.tar"))
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(data)
    with damaged.open("r+b") as file:
        for at in range(0, len(data), 7):
            os.pwrite(file.fileno(), bytes([data[at] ^ 1 << at % 8]), at)
            assert check_bundle(damaged).problems, at
            os.pwrite(file.fileno(), data[at : at + 1], at)
    assert check_bundle(damaged).problems == ()


def test_a_modified_file_is_named(artifacts: Path, tmp_path: Path) -> None:
    data = pack(artifacts, tmp_path / "s1.tar")
    (tmp_path / "s1.tar").write_bytes(data.replace(b"SFT 70 %", b"SFT 99 %"))
    problems = check_bundle(tmp_path / "s1.tar").problems
    assert problems == ("final_comparison.txt: the content differs from the manifest",)
    assert unpack_bundle(tmp_path / "s1.tar", tmp_path / "home").problems == problems
    assert list((tmp_path / "home").iterdir()) == []


@given(cut=st.integers(0, 10**9))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_truncated_or_extended_bundle_fails(cut: int, artifacts: Path, tmp_path: Path) -> None:
    target = tmp_path / "s1.tar"
    data = target.read_bytes() if target.exists() else pack(artifacts, target)
    short = tmp_path / "short.tar"
    short.write_bytes(data[: cut % len(data)])
    assert check_bundle(short).problems
    short.write_bytes(data + b"\0" * (1 + cut % 5000))
    assert check_bundle(short).problems


@given(data=st.binary(max_size=3000))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_arbitrary_bytes_fail_without_an_exception(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "any.tar").write_bytes(data)
    assert check_bundle(tmp_path / "any.tar").problems


def test_an_unpacked_bundle_is_checked_also_by_sha256sum(artifacts: Path, tmp_path: Path) -> None:
    pack(artifacts, tmp_path / "s1.tar")
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
def test_hostile_bundles_are_rejected(tmp_path: Path, data: bytes, message: str) -> None:
    target = tmp_path / "hostile.tar"
    target.write_bytes(data + (END_OF_ARCHIVE if data else b""))
    problems = unpack_bundle(target, tmp_path / "home").problems
    assert len(problems) == 1
    assert re.search(message, problems[0])
    assert list((tmp_path / "home").iterdir()) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "hostile.tar"]


@pytest.mark.parametrize(
    "names",
    [["s/a/b", "s/a"], ["s/a", "s/a/b"], [f"s/{'n' * 256}"], [f"s/{'é' * 128}"], ["s/" + "d/" * 1600]],
)
def test_a_bundle_that_cannot_be_unpacked_is_reported(tmp_path: Path, names: list[str]) -> None:
    manifest = "".join(f"{hashlib.sha256(b'').hexdigest()}  {name[2:]}\n" for name in names).encode()
    members = b"".join(encode_header(name, 0) for name in names)
    end = encode_header("s/MANIFEST.sha256", len(manifest)) + manifest + encode_padding(len(manifest))
    path = tmp_path / "s.tar"
    path.write_bytes(members + end + END_OF_ARCHIVE)
    assert check_bundle(path).problems
    assert unpack_bundle(path, tmp_path / "home").problems
    assert list((tmp_path / "home").iterdir()) == []


def test_pipes_and_devices_in_place_of_a_bundle_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            check_bundle(path)
