"""The base model as judge of whether an instruction asks for harm, provided that it judges well enough.

The model reads vetted requests with "yes" or "no" and continues the last one. A threshold of its log-odds is
set on one half of the other vetted requests and tested on the other half. A model that fails the test is not
used, and the words of an instruction decide alone.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Final

import msgspec

from phases.datagen.harm_filter import asks_for_harm
from phases.datagen.vetted import load_vetted
from phases.generation.engine import Engine

_EXAMPLES: Final = 10
"""Vetted requests of either kind in front of the request to judge."""
MAX_MISSED: Final = 0.02
"""Largest share of harmful requests that may be called harmless."""
MIN_KEPT: Final = 0.75
"""Smallest share of harmless requests to be called harmless."""
ANSWERS: Final = (" yes", " no")
_TITLE: Final = "Does the request ask for help to hurt, deceive, rob or insult someone, or to break the law?"

ScorePrompts = Callable[[Sequence[str]], Sequence[float]]
"""Returns the log-odds of " yes" against " no" after each prompt."""
MapTexts = Callable[[Callable[[str], bool | None], Sequence[str]], Iterable[bool | None]]
"""Returns what a function returns for each text."""


class HarmCalibration(msgspec.Struct, frozen=True):
    """The accuracy of a model as judge of harm, on vetted requests that were not used for the threshold.

    Attributes:
        threshold: log-odds below which a request counts as harmless.
        missed: share of the harmful requests below it.
        kept: share of the harmless requests below it.
    """

    threshold: float
    missed: float
    kept: float

    @property
    def is_trusted(self) -> bool:
        """Whether the model may judge instructions."""
        return self.missed <= MAX_MISSED and self.kept >= MIN_KEPT


class HarmJudge:
    """Tells which instructions are clearly harmless, by their words and by the base model.

    Attributes:
        calibration: the model's calibration, or None if no model was calibrated.
    """

    def __init__(self, seed: int, score: ScorePrompts | None, map_texts: MapTexts = map) -> None:
        """Calibrate the model, if there is one.

        Args:
            seed: seed of the choice of examples.
            score: scores prompts with the base model; None lets the words decide alone.
            map_texts: judges the words of many instructions.
        """
        self._score = score
        self._map_texts = map_texts
        self.calibration: HarmCalibration | None = None
        if score is None:
            return
        rng = Random(f"{seed} harm judge")
        harmful = [row.instruction for row in load_vetted("harmful")]
        harmless = [row.instruction for row in load_vetted("harmless")]
        for texts in (harmful, harmless):
            rng.shuffle(texts)
        self._prefix = _format_examples(harmful[:_EXAMPLES], harmless[:_EXAMPLES])
        self.calibration = self._calibrate(harmful[_EXAMPLES:], harmless[_EXAMPLES:])

    @property
    def is_used(self) -> bool:
        """Whether the model takes part in the decision."""
        return self.calibration is not None and self.calibration.is_trusted

    def list_harmless(self, instructions: Sequence[str]) -> list[bool]:
        """Return for each instruction whether it is clearly harmless.

        A trusted model must call it harmless, and its words must not ask for harm. Without one, its words
        must not even suggest harm.
        """
        by_words = list(self._map_texts(asks_for_harm, instructions))
        if self.calibration is None or not self.calibration.is_trusted:
            return [is_harmful is False for is_harmful in by_words]
        candidates = [n for n, is_harmful in enumerate(by_words) if is_harmful is not True]
        scores = self._score_requests([instructions[n] for n in candidates])
        harmless = {
            n for n, score in zip(candidates, scores, strict=True) if score < self.calibration.threshold
        }
        return [n in harmless for n in range(len(instructions))]

    def _calibrate(self, harmful: Sequence[str], harmless: Sequence[str]) -> HarmCalibration:
        harmful_scores = self._score_requests(harmful)
        harmless_scores = self._score_requests(harmless)
        # No more than the tolerated share of every other harmful request lies below the threshold.
        ranked = sorted(harmful_scores[::2])
        threshold = ranked[math.floor(MAX_MISSED * len(ranked))]
        return HarmCalibration(
            threshold,
            _compute_share_below(harmful_scores[1::2], threshold),
            _compute_share_below(harmless_scores[1::2], threshold),
        )

    def _score_requests(self, texts: Sequence[str]) -> Sequence[float]:
        if not texts or self._score is None:
            return []
        return self._score([f"{self._prefix}{_format_request(text)}" for text in texts])


def describe_harm_judge(judge: HarmJudge) -> dict[str, float]:
    """Return the metrics of the judge."""
    metrics = {"harm_judge_used": float(judge.is_used)}
    if judge.calibration:
        metrics |= {
            "harm_judge_missed": judge.calibration.missed,
            "harm_judge_kept": judge.calibration.kept,
        }
    return metrics


def score_answers(
    engine: Engine, prompts: Sequence[str], *, on_step: Callable[[], None] = lambda: None
) -> list[float]:
    """Return the base model's log-odds of " yes" against " no" after each prompt."""
    tokenizer = engine.tokenizer
    yes, no = (tokenizer.encode(answer) for answer in ANSWERS)
    # If a tokenizer splits the answers, they start with the same tokens, which belong to the prompt.
    shared = next(n for n, (x, y) in enumerate(zip(yes, no, strict=False)) if x != y)
    ids = [tokenizer.encode_prompt(prompt) + yes[:shared] for prompt in prompts]
    scores = engine.score_next_tokens(ids, (yes[shared], no[shared]), base=True, on_step=on_step)
    return [for_yes - for_no for for_yes, for_no in scores]


def _format_examples(harmful: Sequence[str], harmless: Sequence[str]) -> str:
    records = "".join(
        f"{_format_request(text)}{answer}\n\n"
        for pair in zip(harmful, harmless, strict=True)
        for text, answer in zip(pair, ANSWERS, strict=True)
    )
    return f"{_TITLE}\n\n{records}"


def _format_request(text: str) -> str:
    return f"Request: {text}\nAnswer:"


def _compute_share_below(scores: Sequence[float], threshold: float) -> float:
    return sum(score < threshold for score in scores) / len(scores)
