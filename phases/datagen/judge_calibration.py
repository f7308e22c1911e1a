"""How well a judge tells right answers from near misses, and whether that is enough to use it."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from phases.datagen.judge_score import JudgeScore
from phases.datagen.near_misses import CORRUPTIONS, NearMiss
from phases.scoring.stats import RateEstimate, estimate_rate

MIN_ACCURACY: Final = 0.75
"""A judge is used if it is right in both orders on more than this share of the near misses."""
MIN_LOW: Final = 0.5
"""The lower end of the share's interval must be higher, so few near misses do not suffice."""


def is_proven(accuracy: RateEstimate | None) -> bool:
    """Return whether a judge is right often enough, with enough evidence."""
    return accuracy is not None and accuracy.rate > MIN_ACCURACY and accuracy.low > MIN_LOW


@dataclass(frozen=True)
class JudgeCalibration:
    """The scores of near misses, with the right answer first.

    A near miss is *right* if both orders prefer the right answer, and a *tie* if the orders disagree.
    """

    near_misses: tuple[NearMiss, ...]
    scores: tuple[JudgeScore, ...]

    @property
    def accuracy(self) -> RateEstimate | None:
        """The share that is right in both orders, with its Wilson interval; None without near misses."""
        if not self.scores:
            return None
        return estimate_rate(sum(score.preference > 0 for score in self.scores), len(self.scores))

    @property
    def is_trusted(self) -> bool:
        """Whether the judge may decide pairs."""
        return is_proven(self.accuracy)

    @property
    def tie_rate(self) -> float:
        """The share on which the two orders disagree."""
        return sum(not score.is_consistent for score in self.scores) / max(1, len(self.scores))

    def describe(self) -> str:
        """Return the accuracy in words, with that of each kind of corruption."""
        accuracy = self.accuracy
        if accuracy is None:
            return "not measured: no near misses can be made of the seeds"
        totals = Counter(near_miss.corruption for near_miss in self.near_misses)
        right = Counter(
            near_miss.corruption
            for near_miss, score in zip(self.near_misses, self.scores, strict=True)
            if score.preference > 0
        )
        kinds = ", ".join(f"{kind} {right[kind]} of {totals[kind]}" for kind in CORRUPTIONS if totals[kind])
        return (
            f"right in both orders on {accuracy.rate:.0%} [{accuracy.low:.0%}, {accuracy.high:.0%}] of "
            f"{accuracy.total} near misses ({kinds})"
        )


def explain_distrust(calibration: JudgeCalibration, method: str) -> str:
    """Return why a judge is not used, what follows, and what the operator can do."""
    if not calibration.scores:
        cause = "it was not calibrated"
        remedy = "set calibration_pairs to 60, with seeds that have numbers, facts, lists or translations"
    else:
        cause = f"it is {calibration.describe()}"
        remedy = _suggest_remedy(calibration, method)
    return (
        f"the judge is not used: {cause}; expected more than {MIN_ACCURACY:.0%} with an interval above "
        f"{MIN_LOW:.0%}. Prompts that verifiers cannot decide give no pair, so more prompts are needed. "
        f"{remedy[0].upper()}{remedy[1:]}, or set judged_candidates = 0 to save the judge's time"
    )


def _suggest_remedy(calibration: JudgeCalibration, method: str) -> str:
    accuracy = calibration.accuracy
    if accuracy is not None and accuracy.rate > MIN_ACCURACY:
        return "set calibration_pairs higher, because the interval is too wide to tell"
    if method == "choice" and 2 * calibration.tie_rate > 1:
        return (
            f'set judge = "auto" to try likelihoods: on {calibration.tie_rate:.0%} the order of the answers '
            "decided, as with models that are too small to compare two texts"
        )
    return "use a larger base model, or add constraints that verifiers can check (demands)"
