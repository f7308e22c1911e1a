from pathlib import Path

import pytest
from pydantic import Field

from phases.contract.parameters import PhaseParameters, format_arguments, parse_arguments


class Parameters(PhaseParameters):
    count: int = Field(3, description="rows, at most 100 %")
    files: list[str] = Field([], description="patterns")
    labels: Path | None = Field(None, description="labels (default: the session's)")
    rules: Path = Field(Path("/packaged/rules.yaml"), description="rules (default: packaged)")


def test_help_shows_each_default_once_and_no_empty_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(Parameters, ["--help"], program="phase", description="Count.")
    text = " ".join(capsys.readouterr().out.split())
    assert "--count COUNT rows, at most 100 % (default: 3)" in text
    assert "--labels LABELS labels (default: the session's) --rules RULES rules (default: packaged)" in text
    assert "None" not in text
    assert "[]" not in text.replace("[FILES ...]", "")


@pytest.mark.parametrize("files", [[], ["a"], ["-a"], ["a", "-v", "--x=1"]])
def test_a_list_is_read_from_its_flags_also_if_it_is_empty_or_begins_like_a_flag(files: list[str]) -> None:
    flags = format_arguments({"count": -1, "files": files, "labels": "-l"})
    read = parse_arguments(Parameters, flags, program="phase", description="")
    assert read == Parameters(count=-1, files=files, labels=Path("-l"))
