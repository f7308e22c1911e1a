"""The halves of a suite on which models are compared, with the sealed answers to the test half opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from phases.comparison.spec import DEVELOPMENT, FEW_SHOT
from phases.contract import files
from phases.contract.errors import BadInputError
from phases.scoring.results import EvaluatedAnswer, Evaluation, SuiteId

WHOLE: Final = "all prompts"
TEST: Final = "test half"
DEVELOPMENT_TITLE: Final = "development half"


@dataclass(frozen=True)
class Half:
    """The answers of every model to the same prompts.

    Attributes:
        title: how the report names it.
        prefix: prefix of its metrics.
        suite: name and version of its prompts.
        answers: by model, and for the base model after solved examples by `FEW_SHOT`.
    """

    title: str
    prefix: str
    suite: SuiteId
    answers: Mapping[str, Sequence[EvaluatedAnswer]]


def open_halves(paths: Mapping[str, Path], evaluations: Mapping[str, Evaluation]) -> tuple[Half, ...]:
    """Return the halves in the order in which they are reported: the test half first.

    Raises:
        BadInputError: the answers to a test half are missing or changed, or answers are not those of the same
            prompts.
    """
    base = evaluations["base"]
    open_answers = {model: list(evaluation.results) for model, evaluation in evaluations.items()}
    open_answers = _add_baseline(paths, open_answers, base.results_few_shot)
    if not any(evaluation.sealed for evaluation in evaluations.values()):
        return (Half(WHOLE, "", base.suite, open_answers),)
    sealed = {model: _open_sealed(paths[model], evaluation) for model, evaluation in evaluations.items()}
    keys = {model: [row.key for row in answers if not row.shots] for model, answers in sealed.items()}
    for model, model_keys in keys.items():
        if sorted(model_keys) != sorted(keys["base"]):
            raise BadInputError(
                f"{paths['base']} and {paths[model]} do not hold the same prompts of the test half; "
                "evaluate both again"
            )
    order = keys["base"]
    test_answers = {model: _sort_answers(answers, order) for model, answers in sealed.items()}
    shown_answers = [answer for answer in sealed["base"] if answer.shots]
    test_answers = _add_baseline(paths, test_answers, shown_answers)
    assert base.sealed is not None  # `_open_sealed` requires it
    return (
        Half(TEST, "", base.sealed.suite, test_answers),
        Half(DEVELOPMENT_TITLE, DEVELOPMENT, base.suite, open_answers),
    )


def _open_sealed(path: Path, evaluation: Evaluation) -> list[EvaluatedAnswer]:
    """Return the answers to the test half, without and with examples."""
    if evaluation.sealed is None:
        raise BadInputError(
            f"{path} holds no answers to the test half, but another evaluation does; evaluate again"
        )
    file = path.with_name(evaluation.sealed.file)
    if not file.is_file() or files.hash_path(file) != evaluation.sealed.sha256:
        raise BadInputError(
            f"{file}: expected the sealed answers that {path.name} names, unchanged; restore the file or "
            "evaluate the model again"
        )
    rows = (row for row in files.read_rows(file) if "fingerprint" not in row)
    return [msgspec.convert(row, EvaluatedAnswer) for row in rows]


def _sort_answers(answers: Sequence[EvaluatedAnswer], order: Sequence[str]) -> list[EvaluatedAnswer]:
    """Return the answers without examples in the order of the keys."""
    by_key = {answer.key: answer for answer in answers if not answer.shots}
    return [by_key[key] for key in order]


def _add_baseline(
    paths: Mapping[str, Path],
    answers: Mapping[str, list[EvaluatedAnswer]],
    few_shot: Sequence[EvaluatedAnswer],
) -> dict[str, list[EvaluatedAnswer]]:
    """Return the answers with those after solved examples, if there are any, in the order of the others."""
    if not few_shot:
        return dict(answers)
    by_key = {answer.key: answer for answer in few_shot}
    keys = [answer.key for answer in answers["base"]]
    if sorted(keys) != sorted(answer.key for answer in few_shot):
        raise BadInputError(
            f"{paths['base']} does not hold the same prompts with and without solved examples; evaluate the "
            "base model again"
        )
    return {**answers, FEW_SHOT: [by_key[key] for key in keys]}
