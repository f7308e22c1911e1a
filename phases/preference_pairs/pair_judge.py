"""The judge of a run: calibrated on known pairs, audited on decided ones, with cached scores."""

from collections.abc import Sequence
from random import Random
from typing import Final, Literal

import msgspec

from phases.contract.errors import BadInputError
from phases.contract.reporter import Reporter
from phases.datagen.constitution import Constitution
from phases.datagen.judge import JudgedTexts, JudgeScore, judge_by_choice, judge_by_likelihood
from phases.datagen.run import DataRun
from phases.generation.completion_cache import compute_cache_key
from phases.generation.transformers_engine import TransformersEngine
from phases.generation.transformers_pool import TransformersPool
from phases.preference_pairs.spec import JUDGE_EXAMPLES, Parameters

_TRUSTED: Final = 0.5
"""Share of calibration pairs that a judge must get right in both orders to be used; chance level is 0.25."""

Method = Literal["choice", "likelihood"]


class PairJudge:
    """Scores pairs with the base model.

    Attributes:
        scores: scores of undecided pairs.
        audits: scores of pairs decided by verifiers, with the chosen response first.
        calibration: share of known pairs that the judge gets right, or None if it was not calibrated.
    """

    def __init__(self, parameters: Parameters, constitution: Constitution, data: DataRun) -> None:
        """Calibrate the judge, and choose its method if that is `auto`."""
        self._parameters = parameters
        self._constitution = constitution
        self._data = data
        self._examples = Random(f"{parameters.seed} judge").sample(
            data.seeds, min(JUDGE_EXAMPLES, len(data.seeds))
        )
        self._method: Method = "choice"
        self.scores: list[JudgeScore] = []
        self.audits: list[JudgeScore] = []
        self.calibration = self._calibrate()

    @property
    def is_trusted(self) -> bool:
        """Whether the judge may decide pairs."""
        return self.calibration is None or self.calibration >= _TRUSTED

    def warn_if_untrusted(self, reporter: Reporter) -> None:
        """Show a notice if calibration failed."""
        if self.calibration is not None and not self.is_trusted:
            reporter.notice(
                f"the judge is right on {self.calibration:.0%} of the known pairs, less than {_TRUSTED:.0%}: "
                "it is not used, and pairs that need it are ties",
                "warning",
            )

    def score_undecided(self, pairs: Sequence[JudgedTexts]) -> list[JudgeScore]:
        """Score pairs that neither verifiers nor votes could decide."""
        scores = self._score(pairs)
        self.scores += scores
        return scores

    def audit(self, pairs: Sequence[JudgedTexts]) -> None:
        """Score pairs that verifiers decided, chosen response first, up to the configured number."""
        remaining = max(0, self._parameters.audited_pairs - len(self.audits))
        self.audits += self._score(pairs[:remaining])

    def _calibrate(self) -> float | None:
        p = self._parameters
        if not p.judged_candidates or not p.calibration_pairs:
            return None
        methods: tuple[Method, ...] = ("choice", "likelihood") if p.judge == "auto" else (p.judge,)
        accuracies: dict[Method, float | None] = {}
        for method in methods:
            self._method = method
            accuracy = self._measure_accuracy()
            accuracies[method] = accuracy
            if accuracy is not None and accuracy >= _TRUSTED:
                break
        if p.judge == "auto":
            measured = [f"by {name} {share:.0%}" for name, share in accuracies.items() if share is not None]
            self._data.notify(f"judge: {self._method}; right on known pairs: {', '.join(measured)}")
        return accuracies[self._method]

    def _measure_accuracy(self) -> float | None:
        """Return the share of known pairs that the judge gets right in both orders.

        A known pair has a seed's own response and the response to another seed of its category.
        """
        p, seeds = self._parameters, self._data.seeds
        # The judge by likelihood has read its examples, so they prove nothing.
        read = {seed.instruction for seed in self._examples} if self._method == "likelihood" else set()
        pairs = [
            (seed.instruction, seed.response, other.response)
            for number, seed in enumerate(seeds)
            for other in [*seeds[number + 1 :], *seeds[:number]]
            if other.category == seed.category
            and other.response != seed.response
            and seed.instruction not in read
        ]
        sample = Random(p.seed).sample(pairs, min(p.calibration_pairs, len(pairs)))
        scores = self._score(sample)
        return sum(score.preference > 0 for score in scores) / len(scores) if scores else None

    def _score(self, pairs: Sequence[JudgedTexts]) -> list[JudgeScore]:
        # The key's parts are fixed: completion caches of earlier versions contain them.
        base_sha256 = self._data.base.sha256
        if self._method == "choice":
            keys = [compute_cache_key("judge", base_sha256, self._constitution, *texts) for texts in pairs]
        else:
            examples = [seed.instruction for seed in self._examples]
            keys = [compute_cache_key("likelihood", base_sha256, examples, *texts) for texts in pairs]

        def compute(missing: list[int]) -> dict[int, JudgeScore]:
            return dict(zip(missing, self._compute_scores([pairs[i] for i in missing]), strict=True))

        return [msgspec.convert(value, JudgeScore) for value in self._data.compute_cached(keys, compute)]

    def _compute_scores(self, pairs: Sequence[JudgedTexts]) -> list[JudgeScore]:
        engine, on_step = self._data.get_engine(), self._data.beat
        if self._method == "choice":
            return judge_by_choice(engine, self._constitution, pairs, on_step=on_step)
        if not isinstance(engine, TransformersEngine | TransformersPool):
            raise BadInputError("--judge likelihood needs --engine transformers")
        return judge_by_likelihood(engine, self._examples, pairs, on_step=on_step)
