"""The judge of a run: calibrated on near misses, audited on decided ones, with cached scores."""

from collections.abc import Sequence
from random import Random
from typing import Literal

import msgspec

from phases.contract.errors import BadInputError
from phases.contract.reporter import Reporter
from phases.datagen.constitution import Constitution
from phases.datagen.judge import JudgedTexts, judge_by_choice, judge_by_likelihood
from phases.datagen.judge_calibration import JudgeCalibration, explain_distrust
from phases.datagen.judge_score import JudgeScore
from phases.datagen.near_misses import make_near_misses
from phases.datagen.run import DataRun
from phases.generation.completion_cache import compute_cache_key
from phases.generation.transformers_engine import TransformersEngine
from phases.generation.transformers_pool import TransformersPool
from phases.preference_pairs.spec import JUDGE_EXAMPLES, Parameters

Method = Literal["choice", "likelihood"]


class PairJudge:
    """Scores pairs with the base model.

    Attributes:
        scores: scores of undecided pairs.
        audits: scores of pairs decided by verifiers, with the chosen response first.
        calibration: the scores of near misses.
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
        return self.calibration.is_trusted

    def warn_if_untrusted(self, reporter: Reporter) -> None:
        """Show a notice if the judge was to be used and is not good enough."""
        if self._parameters.judged_candidates and not self.is_trusted:
            reporter.notice(explain_distrust(self.calibration, self._method), "warning")

    def score_undecided(self, pairs: Sequence[JudgedTexts]) -> list[JudgeScore]:
        """Score pairs that neither verifiers nor votes could decide."""
        scores = self._score(pairs)
        self.scores += scores
        return scores

    def audit(self, pairs: Sequence[JudgedTexts]) -> None:
        """Score pairs that verifiers decided, chosen response first, up to the configured number."""
        remaining = max(0, self._parameters.audited_pairs - len(self.audits))
        self.audits += self._score(pairs[:remaining])

    def _calibrate(self) -> JudgeCalibration:
        """Calibrate the method, or choose the first one that may be trusted."""
        p = self._parameters
        if not p.judged_candidates or not p.calibration_pairs:
            return JudgeCalibration((), ())
        methods: tuple[Method, ...] = ("choice", "likelihood") if p.judge == "auto" else (p.judge,)
        calibrations: dict[Method, JudgeCalibration] = {}
        for method in methods:
            self._method = method
            calibrations[method] = self._measure()
            if calibrations[method].is_trusted:
                break
        else:
            self._method = max(methods, key=lambda method: _get_rate(calibrations[method]))
        if p.judge == "auto":
            texts = [f"by {name} {calibration.describe()}" for name, calibration in calibrations.items()]
            self._data.notify(f"judge: {self._method}; {'; '.join(texts)}")
        return calibrations[self._method]

    def _measure(self) -> JudgeCalibration:
        """Return the scores of near misses of the seeds that the judge has not read."""
        read = {example.instruction for example in self._constitution.comparisons}
        if self._method == "likelihood":
            read |= {seed.instruction for seed in self._examples}
        seeds = [seed for seed in self._data.seeds if seed.instruction not in read]
        near_misses = make_near_misses(seeds, self._parameters.calibration_pairs, self._parameters.seed)
        texts = [(each.instruction, each.right, each.wrong) for each in near_misses]
        return JudgeCalibration(tuple(near_misses), tuple(self._score(texts)))

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


def _get_rate(calibration: JudgeCalibration) -> float:
    return calibration.accuracy.rate if calibration.accuracy else 0.0
