"""Parameters of the evaluation phase."""

import json
from pathlib import Path

import pytest

from phases.evaluation.spec import SPEC, Parameters

IFEVAL_ROW = {
    "key": 1000,
    "prompt": "Write a poem without any commas.",
    "instruction_id_list": ["punctuation:no_comma"],
    "kwargs": [{}],
}
OWN_ROW = {"key": "a", "category": "commands", "instruction": "Say instruction_id_list.", "checks": []}


def new_tokens(*arguments: str) -> int:
    return Parameters.model_validate(
        {"model": "embedded", "output_dir": "out", **dict(zip(arguments[::2], arguments[1::2], strict=True))}
    ).max_new_tokens


def test_ifeval_has_the_token_limit_of_its_reference(tmp_path: Path) -> None:
    suite = tmp_path / "input_data.jsonl"
    suite.write_text(json.dumps(IFEVAL_ROW) + "\n")
    assert new_tokens("suite", str(suite)) == 1280
    assert new_tokens("suite", str(suite), "max_new_tokens", "300") == 300


@pytest.mark.parametrize("suite", ["auto", "stage1", "embedded", "missing.jsonl"])
def test_other_suites_keep_their_limit(suite: str) -> None:
    assert new_tokens("suite", suite) == 256
    assert new_tokens() == 256


def test_a_suite_that_only_mentions_ifeval_keeps_its_limit(tmp_path: Path) -> None:
    suite = tmp_path / "own.jsonl"
    suite.write_text(json.dumps(OWN_ROW) + "\n")
    assert new_tokens("suite", str(suite)) == 256


def test_the_help_states_the_limit_of_ifeval() -> None:
    assert "1280" in str(SPEC.parameters.model_fields["max_new_tokens"].description)
