"""One run of a phase that generates data: its batch, completion cache, engine and reporting."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import Any, Final, NoReturn, Self

import msgspec

from phases.contract import files
from phases.contract.errors import PhaseFailedError
from phases.contract.phase_spec import Metric
from phases.contract.protocol import Value
from phases.contract.reporter import Reporter
from phases.contract.throttled_progress import ThrottledProgress
from phases.datagen.batches import BatchRows, open_batch
from phases.datagen.contamination import index_suites
from phases.datagen.filter_processes import FilterProcesses, choose_process_count
from phases.datagen.harm_judge import MAX_MISSED, MIN_KEPT, HarmJudge, score_answers
from phases.datagen.parameters import INPUT_NAMES, WITHOUT_EFFECT, DataParameters
from phases.datagen.quality import format_report
from phases.datagen.seeds import load_seeds
from phases.datagen.self_instruct import Instruction, InstructionRound
from phases.datagen.vetted import SET_OF_CATEGORY, hash_vetted
from phases.generation.completion import Completion, PromptGroup, Sampling
from phases.generation.completion_cache import CompletionCache, complete_with_cache, compute_cache_key
from phases.generation.engine import ENGINE_NAMES, VLLM_ROWS_PER_CALL, Engine, choose_engine_here, open_engine
from phases.models import prompt_format
from phases.models.source import ModelSource, locate_model
from phases.models.tokenizer import load_tokenizer
from phases.scoring.suite import choose_default_suite, load_halves

_ROUNDS_TO_GIVE_UP: Final = 3
"""Number of last rounds over which acceptance is measured."""
_SHOWN_ROWS: Final = 12
"""Number of rows shown as samples, spread evenly over the batch."""


def should_give_up(outcomes: Sequence[tuple[int, int]], minimum: float) -> bool:
    """Return whether the last rounds accepted too little.

    Args:
        outcomes: for each round, the numbers of rows and of considered instructions.
        minimum: smallest acceptable ratio of the two.
    """
    last = outcomes[-_ROUNDS_TO_GIVE_UP:]
    rows = sum(accepted for accepted, _ in last)
    considered = sum(count for _, count in last)
    return len(last) == _ROUNDS_TO_GIVE_UP and (rows == 0 or rows < minimum * considered)


class DataRun:
    """The state of one run, as a context manager that closes its files and its engine.

    Attributes:
        parameters: parameters of the phase.
        source: the model.
        base: the base model of an adapter, or the model itself.
        seeds: the seed instructions.
        suites: the evaluation suite's halves.
        filters: run the filters, and know the suite's prompts.
        tokenizer: the model's tokenizer.
        earlier: the rows of earlier batches.
        target: number of rows to generate. It is never smaller than the number of rows on disk.
        tokens: tokens of all completions, including cached ones.
    """

    def __init__(
        self,
        parameters: DataParameters,
        reporter: Reporter,
        *,
        prefix: str,
        recipe: str,
        unit: str = "rows",
        inputs: Mapping[str, object] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Read the inputs and open the batch without loading a model.

        Args:
            parameters: parameters of the phase.
            reporter: receives progress, notices and the result.
            prefix: the start of the data file's name.
            recipe: identity of the algorithm; it changes whenever the same completions give other rows.
            unit: plural of the word for a row.
            inputs: further inputs that the rows depend on.
            clock: returns seconds since the epoch.
        """
        self.parameters = parameters
        self._reporter = reporter
        self._clock = clock
        self._unit = unit
        self.source = locate_model(parameters.model)
        self.base: ModelSource = self.source.base or self.source
        default_name = choose_default_suite(self.base.name)
        self.seeds = load_seeds(default_name if parameters.seeds == "auto" else parameters.seeds)
        self.suites = suites = load_halves(default_name if parameters.suite == "auto" else parameters.suite)
        self.filters = FilterProcesses(index_suites(suites), choose_process_count())
        self.tokenizer = load_tokenizer(parameters.model)
        self._identity = {
            "recipe": recipe,
            "model": self.source.sha256,
            "suite": "+".join(suite.version for suite in suites),
            "seeds": [msgspec.to_builtins(seed) for seed in self.seeds],
            "vetted": hash_vetted(),
            "prompt_format": prompt_format.FORMAT_ID,
            "parameters": parameters.model_dump(mode="json", exclude={*WITHOUT_EFFECT, *INPUT_NAMES}),
            **(inputs or {}),
        }
        self._batch = open_batch(parameters.output_dir, prefix, parameters.batch, self._identity, clock())
        self._rows = BatchRows(self._batch.data)
        self._cache = CompletionCache(self._batch.generations)
        self.target = max(parameters.count, self._rows.on_disk)
        self.earlier = [row for path in self._batch.earlier for row in files.read_rows(path)]
        self.tokens = 0
        self._new_tokens = 0
        self._seconds = 0.0
        self._engine_choice = choose_engine_here(parameters.engine, self.source)
        self._engine: Engine | None = None
        self._progress = ThrottledProgress(reporter, self.target, unit, clock=clock)
        self._report_start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rows.close()
        self._cache.close()
        self.filters.close()
        if self._engine is not None:
            self._engine.__exit__(kind, error, trace)

    def _report_start(self) -> None:
        tokenizer, batch, notify = self.tokenizer, self._batch, self._reporter.notice
        template = "the tokenizer's template was removed" if tokenizer.chat_templates else "it has none"
        notify(f"chat_template=None verified: {tokenizer.hf.chat_template is None} ({template})")
        start = f"; documents start with {list(tokenizer.start_ids)}" if tokenizer.start_ids else ""
        notify(f"add_special_tokens=False verified: ids equal those of the raw tokenizer{start}")
        if batch.superseded:
            notify(
                f"batch {self.parameters.batch} was generated from other inputs "
                f"({', '.join(batch.changed)} changed): moved to {batch.superseded}, not used",
                "warning",
            )
        if batch.resumed:
            notify(f"resuming {batch.data.name} with {self._rows.on_disk} {self._unit} on disk")

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of this batch so far."""
        return self._rows.rows

    @property
    def tokens_per_second(self) -> float | None:
        """New tokens divided by the time spent generating them; None if all completions were cached."""
        return self._new_tokens / self._seconds if self._seconds else None

    @property
    def rows_per_call(self) -> int:
        """Number of prompts that a phase should pass to the engine together."""
        if self._engine_choice.name == "vllm":
            return VLLM_ROWS_PER_CALL
        return 4 * self.parameters.batch_size

    def get_engine(self) -> Engine:
        """Return the engine; the first call loads the model."""
        if self._engine is None:
            choice = self._engine_choice
            self._reporter.notice(f"loading {self.parameters.model} into {choice.name} ({choice.why})")
            self._engine = open_engine(choice, self.source, batch_size=self.parameters.batch_size)
            provenance = self._engine.describe_provenance()
            # A later attempt may use the other engine; the manifest names every engine that generated rows.
            self._cache.add({"provenance": provenance, f"engine {choice.name}": provenance["engine"]})
        return self._engine

    @cached_property
    def harm_judge(self) -> HarmJudge:
        """The judge of harm; the first use calibrates the base model, if seeds of its categories exist."""
        has_harm = any(seed.category in SET_OF_CATEGORY for seed in self.seeds)
        if not has_harm or not self.parameters.judge_harm:
            return HarmJudge(self.parameters.seed, None, self.filters.map)
        judge = HarmJudge(self.parameters.seed, self._score_harm, self.filters.map)
        if calibration := judge.calibration:
            decider = "the base model and words decide" if judge.is_used else "words decide alone"
            self.notify(
                f"harmless instructions: {decider}; of vetted requests, the base model calls "
                f"{calibration.missed:.1%} of the harmful ones and {calibration.kept:.1%} of the harmless "
                f"ones harmless (expected at most {MAX_MISSED:.0%} and at least {MIN_KEPT:.0%})"
            )
        return judge

    def _score_harm(self, prompts: Sequence[str]) -> list[float]:
        keys = [compute_cache_key("harm", self.base.sha256, prompt) for prompt in prompts]

        def compute(missing: list[int]) -> dict[int, float]:
            scores = score_answers(self.get_engine(), [prompts[n] for n in missing], on_step=self.beat)
            return dict(zip(missing, scores, strict=True))

        return self.compute_cached(keys, compute)

    def notify(self, text: str) -> None:
        """Show a notice to the operator."""
        self._reporter.notice(text)

    def beat(self) -> None:
        """Report progress as a sign of life, at most every other second."""
        self._progress.update(len(self.rows))

    def compute_cached(
        self, keys: Sequence[str], compute: Callable[[list[int]], Mapping[int, Any]]
    ) -> list[Any]:
        """Return the value of each key, from the cache or computed from the indices of missing keys."""
        missing = [i for i, key in enumerate(keys) if key not in self._cache]
        if missing:
            self._cache.add({keys[i]: value for i, value in compute(missing).items()})
        return [self._cache[key] for key in keys]

    def complete(
        self, prompts: Sequence[str], seeds: Sequence[int], sampling: Sampling, *, base: bool = False
    ) -> list[Completion]:
        """Return the completion of each prompt by the model or its base model."""
        return self.complete_groups([PromptGroup(prompts, seeds, sampling)], base=base)[0]

    def complete_groups(self, groups: Sequence[PromptGroup], *, base: bool = False) -> list[list[Completion]]:
        """Return the completion of each prompt of each group by the model or its base model."""
        started = self._clock()

        def count_tokens(tokens: int) -> None:
            nonlocal started
            now = self._clock()
            self._new_tokens += tokens
            self._seconds += now - started
            started = now
            self._report_progress()

        def get_engine() -> Engine:
            nonlocal started
            engine = self.get_engine()
            started = self._clock()
            return engine

        completions = complete_with_cache(
            self._cache,
            get_engine,
            (self.base if base else self.source).sha256,
            groups,
            base=base,
            on_completions=count_tokens,
            on_step=self.beat,
        )
        self.tokens += sum(completion.tokens for group in completions for completion in group)
        return completions

    def _report_progress(self) -> None:
        self._reporter.progress(len(self.rows), self.target, self._unit)

    def fill(
        self,
        rounds: Iterator[InstructionRound],
        make_rows: Callable[[Sequence[Instruction]], list[dict[str, object]]],
        show_row: Callable[[Mapping[str, Any], int], None],
        chunk: int,
    ) -> bool:
        """Make rows until the target is reached; return False if acceptance is too low.

        Args:
            rounds: endless rounds of instructions.
            make_rows: returns the rows for some instructions.
            show_row: shows a row with its number as a sample; called for a few rows.
            chunk: number of instructions per call of `make_rows`.
        """
        outcomes: list[tuple[int, int]] = []
        interval = max(1, self.target // _SHOWN_ROWS)
        while len(self.rows) < self.target:
            if should_give_up(outcomes, self.parameters.minimum_acceptance):
                return False
            rows_before, current = len(self.rows), next(rounds)
            for first in range(0, len(current.instructions), chunk):
                rows = make_rows(current.instructions[first : first + chunk])[: self.target - len(self.rows)]
                for number, row in enumerate(rows, len(self.rows)):
                    if number % interval == 0:
                        show_row(row, number + 1)
                self._rows.add(rows)
                self._report_progress()
                if len(self.rows) == self.target:
                    break
            outcomes.append((len(self.rows) - rows_before, current.considered))
            self._report_acceptance(sum(considered for _, considered in outcomes))
        return True

    def _report_acceptance(self, considered: int) -> None:
        values = {"acceptance_rate": len(self.rows) / max(1, considered)}
        if self.tokens_per_second is not None:
            values["tokens_per_second"] = self.tokens_per_second
        self._reporter.metric(len(self.rows), values)

    def give_up(self, advice: str) -> NoReturn:
        """Report that too few rows were accepted.

        Raises:
            PhaseFailedError: always, after the notice that says what to change.
        """
        self._reporter.notice(
            f"gave up at {len(self.rows)} of {self.target} {self._unit}: the last {_ROUNDS_TO_GIVE_UP} "
            f"rounds accepted less than {self.parameters.minimum_acceptance:.0%}; the quality report shows "
            f"why; {advice}",
            "error",
        )
        raise PhaseFailedError(f"{len(self.rows)} of {self.target} {self._unit}: see the notice above")

    def finish(
        self, metrics: Mapping[str, Value], declared: Sequence[Metric], report: Mapping[str, object]
    ) -> None:
        """Write the quality report, the manifest and the result.

        Args:
            metrics: values of the phase's metrics.
            declared: the phase's metrics with their meanings.
            report: the quality report.
        """
        stem = self._batch.data.with_suffix("")
        paths = [stem.with_name(f"{stem.name}.quality.json"), stem.with_name(f"{stem.name}.quality.txt")]
        files.write_json(paths[0], report)
        files.write_atomically(paths[1], format_report(report))
        self._reporter.artifact(self._batch.data, rows=len(self.rows))
        for path in paths:
            self._reporter.artifact(path)
        provenance = {
            **self._cache["provenance"],
            "engines": [self._cache[f"engine {n}"] for n in ENGINE_NAMES if f"engine {n}" in self._cache],
            "seed": self.parameters.seed,
            "parameters": self.parameters.model_dump(mode="json"),
            "identity": self._identity,
        }
        outputs = {p.name: files.hash_path(p) for p in (*self._batch.earlier, self._batch.data, *paths)}
        manifest = self.parameters.output_dir / "manifest.json"
        files.write_json(manifest, {"outputs": outputs, "provenance": provenance})
        self._reporter.artifact(manifest)
        meanings = {metric.name: metric.meaning for metric in declared if metric.name in metrics}
        self._reporter.finish(metrics, meanings, provenance)
