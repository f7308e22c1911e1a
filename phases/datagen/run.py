"""One run of a phase that makes data: its batch of rows, its record, its models, and what it tells gonogo."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NoReturn, Self

import msgspec

from phases.contract import files
from phases.contract.errors import PhaseFailedError
from phases.contract.heartbeat import Heartbeat
from phases.contract.phase_spec import Metric
from phases.contract.protocol import Value
from phases.contract.reporter import Reporter
from phases.datagen.batches import Rows, open_batch
from phases.datagen.parameters import INPUT_NAMES, WITHOUT_EFFECT, DataParameters
from phases.datagen.seeds import load_seeds
from phases.datagen.self_instruct import Instruction, Round
from phases.generation.completion import Completion, PromptGroup, Sampling
from phases.generation.completion_cache import CompletionCache, complete_with_cache
from phases.generation.engine import ENGINE_NAMES, VLLM_ROWS_PER_CALL, Engine, choose_engine_here, open_engine
from phases.models import prompt_format
from phases.models.source import ModelSource, locate_model
from phases.models.tokenizer import load_tokenizer
from phases.scoring.overlap import SuiteOverlap
from phases.scoring.suite import default_suite, load_suite

GIVE_UP_AFTER: Final = 3
"""Rounds over which acceptance is measured before the phase gives up."""
SAMPLES: Final = 12
"""Rows shown, evenly over the batch."""


def hopeless(outcomes: Sequence[tuple[int, int]], minimum: float) -> bool:
    """Say whether the last rounds, (rows, instructions looked at) each, gave too few rows to go on."""
    last = outcomes[-GIVE_UP_AFTER:]
    rows, seen = sum(made for made, _ in last), sum(seen for _, seen in last)
    return len(last) == GIVE_UP_AFTER and (rows == 0 or rows < minimum * seen)


class DataRun:
    """The state of one run; a context manager that closes its files.

    Attributes:
        parameters: of the phase.
        target: rows that the batch is to have. Rows are never taken back, even where fewer are asked for.
        earlier: the rows of the batches before.
        tokens: tokens of all completions that the run used, recorded ones included.
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
        """Read the inputs and find or begin the batch; no model is loaded yet.

        Args:
            parameters: of the phase.
            reporter: told of everything.
            prefix: what the data file's name begins with.
            recipe: changes whenever the same generations would give other rows.
            unit: what a row is called.
            inputs: what else the rows depend on.
            clock: seconds since the epoch.
        """
        self.parameters = parameters
        self._reporter = reporter
        self._clock = clock
        self._unit = unit
        self.source = locate_model(parameters.model)
        self.base: ModelSource = self.source.base or self.source
        world = default_suite(self.base.name)
        self.seeds = load_seeds(world if parameters.seeds == "auto" else parameters.seeds)
        self.suite = load_suite(world if parameters.suite == "auto" else parameters.suite)
        self.overlap = SuiteOverlap({prompt.key: prompt.instruction for prompt in self.suite.prompts})
        self.tokenizer = load_tokenizer(parameters.model)
        self._identity = {
            "recipe": recipe,
            "model": self.source.sha256,
            "suite": self.suite.version,
            "seeds": [msgspec.to_builtins(seed) for seed in self.seeds],
            "prompt_format": prompt_format.FORMAT_ID,
            "parameters": parameters.model_dump(mode="json", exclude={*WITHOUT_EFFECT, *INPUT_NAMES}),
            **(inputs or {}),
        }
        self.batch = open_batch(parameters.output_dir, prefix, parameters.batch, self._identity, clock())
        self.rows = Rows(self.batch.data)
        self._record = CompletionCache(self.batch.generations)
        self.target = max(parameters.count, self.rows.on_disk)
        self.earlier = [row for path in self.batch.earlier for row in files.read_rows(path)]
        self.tokens = 0
        self._new_tokens = 0
        self._seconds = 0.0
        self._choice = choose_engine_here(parameters.engine, self.source)
        self._engine: Engine | None = None
        self._heartbeat = Heartbeat(reporter, self.target, unit, clock=clock)
        self._announce()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rows.close()
        self._record.close()
        if self._engine is not None:
            self._engine.__exit__(kind, error, trace)

    def _announce(self) -> None:
        say = self._reporter.notice
        template = "it came with one, removed" if self.tokenizer.chat_template else "it has none"
        say(f"chat_template=None verified: {self.tokenizer.hf.chat_template is None} ({template})")
        start = f"; documents begin with {list(self.tokenizer.start_ids)}" if self.tokenizer.start_ids else ""
        say(f"add_special_tokens=False verified: ids equal those of the raw tokeniser{start}")
        batch = self.batch
        if batch.superseded:
            say(
                f"batch {self.parameters.batch} was made from other inputs "
                f"({', '.join(batch.changed)} changed): set aside in {batch.superseded}, not used",
                "warning",
            )
        if batch.resumed:
            say(f"resuming {batch.data.name}: {self.rows.on_disk} {self._unit} are there")

    @property
    def tokens_per_second(self) -> float | None:
        """New tokens over the time spent generating them; None where all were recorded before."""
        return self._new_tokens / self._seconds if self._seconds else None

    def engine(self) -> Engine:
        """Return the engine with the model, started on first use."""
        if self._engine is None:
            name = self._choice.name
            self._reporter.notice(f"loading {self.parameters.model} into {name} ({self._choice.why})")
            self._engine = open_engine(self._choice, self.source, batch_size=self.parameters.batch_size)
            made_by = self._engine.provenance()
            # A later attempt may take the other engine: then both have made rows, and both are named.
            self._record.add({"provenance": made_by, f"engine {name}": made_by["engine"]})
        return self._engine

    def rows_at_once(self) -> int:
        """Return how many rows a phase should ask for together."""
        return VLLM_ROWS_PER_CALL if self._choice.name == "vllm" else 4 * self.parameters.batch_size

    def say(self, text: str) -> None:
        """Tell the operator."""
        self._reporter.notice(text)

    def beat(self) -> None:
        """Show, at most every other second, that work goes on."""
        self._heartbeat.beat(len(self.rows))

    def recorded(self, keys: Sequence[str], work: Callable[[list[int]], Mapping[int, Any]]) -> list[Any]:
        """Return the recorded value of each key; values that are missing come from `work`."""
        missing = [i for i, key in enumerate(keys) if key not in self._record]
        if missing:
            self._record.add({keys[i]: value for i, value in work(missing).items()})
        return [self._record[key] for key in keys]

    def complete(
        self, prompts: Sequence[str], seeds: Sequence[int], sampling: Sampling, *, base: bool = False
    ) -> list[Completion]:
        """Return the completion of each prompt, by the model or by its base."""
        return self.complete_groups([PromptGroup(prompts, seeds, sampling)], base=base)[0]

    def complete_groups(self, groups: Sequence[PromptGroup], *, base: bool = False) -> list[list[Completion]]:
        """Return the completion of each prompt of each group, by the model or by its base."""
        began = self._clock()

        def after_landing(tokens: int) -> None:
            nonlocal began
            now = self._clock()
            self._new_tokens += tokens
            self._seconds += now - began
            began = now
            self.progress()

        def engine() -> Engine:
            nonlocal began
            started = self.engine()
            began = self._clock()
            return started

        found = complete_with_cache(
            self._record,
            engine,
            (self.base if base else self.source).sha256,
            groups,
            base=base,
            on_completions=after_landing,
            on_step=self.beat,
        )
        self.tokens += sum(completion.tokens for some in found for completion in some)
        return found

    def progress(self) -> None:
        """Say how many rows there are."""
        self._reporter.progress(len(self.rows), self.target, self._unit)

    def fill(
        self,
        rounds: Iterator[Round],
        make: Callable[[Sequence[Instruction]], list[dict[str, object]]],
        show: Callable[[Mapping[str, Any], int], None],
        chunk: int,
    ) -> bool:
        """Make rows from rounds of instructions until there are enough; return whether there are.

        Args:
            rounds: gives instructions, without end.
            make: the rows that some instructions give.
            show: shows a row as a sample, with its number; called for a few rows.
            chunk: instructions at once.
        """
        outcomes: list[tuple[int, int]] = []
        every = max(1, self.target // SAMPLES)
        while len(self.rows) < self.target:
            if hopeless(outcomes, self.parameters.minimum_acceptance):
                return False
            before, one = len(self.rows), next(rounds)
            for first in range(0, len(one.instructions), chunk):
                made = make(one.instructions[first : first + chunk])[: self.target - len(self.rows)]
                for number, row in enumerate(made, len(self.rows)):
                    if number % every == 0:
                        show(row, number + 1)
                self.rows.add(made)
                self.progress()
                if len(self.rows) == self.target:
                    break
            outcomes.append((len(self.rows) - before, one.looked_at))
            values = {"acceptance_rate": len(self.rows) / max(1, sum(seen for _, seen in outcomes))}
            speed = self.tokens_per_second
            self._reporter.metric(
                len(self.rows), values if speed is None else {**values, "tokens_per_second": speed}
            )
        return True

    def give_up(self, advice: str) -> NoReturn:
        """Report that too few rows were accepted.

        Raises:
            PhaseFailedError: always, after the notice that says what to change.
        """
        self._reporter.notice(
            f"gave up at {len(self.rows)} of {self.target} {self._unit}: of the last {GIVE_UP_AFTER} rounds "
            f"less than {self.parameters.minimum_acceptance:.0%} was kept; the quality report says why; "
            f"{advice}",
            "error",
        )
        raise PhaseFailedError(f"{len(self.rows)} of {self.target} {self._unit}: see the notice above")

    def finish(
        self,
        metrics: Mapping[str, Value],
        reported: Sequence[Metric],
        report: Mapping[str, object],
        text: str,
    ) -> None:
        """Write the quality report, the manifest and the result."""
        stem = self.batch.data.with_suffix("")
        paths = [stem.with_name(f"{stem.name}.quality.json"), stem.with_name(f"{stem.name}.quality.txt")]
        files.write_json(paths[0], report)
        files.write_whole(paths[1], text)
        self._reporter.artifact(self.batch.data, rows=len(self.rows))
        for path in paths:
            self._reporter.artifact(path)
        made = {
            **self._record["provenance"],
            "engines": [self._record[f"engine {n}"] for n in ENGINE_NAMES if f"engine {n}" in self._record],
            "seed": self.parameters.seed,
            "parameters": self.parameters.model_dump(mode="json"),
            "identity": self._identity,
        }
        outputs = {p.name: files.sha256(p) for p in (*self.batch.earlier, self.batch.data, *paths)}
        files.write_json(
            self.parameters.output_dir / "manifest.json", {"outputs": outputs, "provenance": made}
        )
        self._reporter.artifact(self.parameters.output_dir / "manifest.json")
        meanings = {metric.name: metric.meaning for metric in reported if metric.name in metrics}
        self._reporter.finish(metrics, meanings, made)
