"""Recorded verdicts do not change without a new version of the verifiers."""

from pathlib import Path

import msgspec
import pytest

from phases.verifiers.registry import VERIFIERS_VERSION, Check
from tests.phases.verifiers import golden

REGENERATE = "regenerate with `python -m tests.phases.verifiers.golden`"


def test_no_verdict_changes_under_the_same_version() -> None:
    version, cases = golden.read_cases()
    different = golden.find_changed(cases)
    shown = "\n".join(
        f"{old.checks} on {old.response!r}: failed {old.failures} {old.loose_failures}, "
        f"now {new.failures} {new.loose_failures}"
        for old, new in different[:5]
    )
    assert not different, (
        f"{len(different)} verdicts changed: increment VERIFIERS_VERSION and {REGENERATE}\n{shown}"
    )
    assert version == VERIFIERS_VERSION, f"recorded under version {version}: {REGENERATE}"


def test_every_kind_of_check_has_cases_that_pass_and_that_fail() -> None:
    _, cases = golden.read_cases()
    assert len(cases) == len({case.key for case in cases}) >= 3000
    assert golden.find_uncovered(cases) == []
    assert {"empty", "echo", "ramble"} <= {failure for case in cases for failure in case.failures}
    assert any(case.failures and not case.loose_failures for case in cases if ":" in case.checks[0].kind)
    assert golden.FILE.stat().st_size < 1_500_000


def test_changed_verdicts_are_not_written_under_the_same_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = golden.check_case([Check("yes_no")], "Is it?", "yes")
    wrong = msgspec.structs.replace(right, failures=("yes_no",))
    monkeypatch.setattr(golden, "FILE", tmp_path / "golden.jsonl")

    def record(version: int) -> None:
        rows = (golden.GoldenHeader(version), wrong)
        golden.FILE.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))

    said: list[str] = []
    record(VERIFIERS_VERSION)
    before = golden.FILE.read_bytes()
    assert golden.main([], said.append) == 1
    assert "increment VERIFIERS_VERSION" in said[0]
    assert golden.FILE.read_bytes() == before
    record(VERIFIERS_VERSION - 1)
    assert golden.main([], said.append) == 0
    version, cases = golden.read_cases()
    assert version == VERIFIERS_VERSION
    assert cases[0] == right
    assert golden.find_changed(cases) == []
