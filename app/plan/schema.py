"""What a session plan may say: one frozen model a table, unknown keys forbidden.

`app.plan.read` reads the file, lays a profile over it and checks what a single table cannot know.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictBool,
    WithJsonSchema,
)

from app.plan.causes import Cause
from app.plan.values import Verdict
from phases.contract.parameters import to_argv

Value = int | float | str | bool

ARTIFACTS = "artifacts"
SEED = 20251003

_SECONDS = {"s": 1, "sec": 1, "min": 60, "h": 3600}


def _seconds(text: object) -> float:
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*(s|sec|min|h)", text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('expected a duration such as "90 s", "15 min" or "2 h"')
    return float(match[1]) * _SECONDS[match[2]]


def _in_order(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError("expected [low, high] with low <= high")
    return bounds


def _below(text: str) -> str:
    parts = PurePosixPath(text).parts
    if not parts or text.startswith(("/", "~")) or ".." in parts:
        raise ValueError("expected a path below the folder, without `..`")
    return text


def _parameter(value: Any) -> Any:
    if not all(isinstance(item, Value) for item in (value if isinstance(value, list) else [value])):
        raise ValueError("expected a number, a text, true or false, or a list of these")
    return value


def _pattern(text: str) -> str:
    try:
        groups = re.compile(text).groups
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"expected a regular expression: {error}") from None
    if groups != 1:
        raise ValueError(f"expected a regular expression with one group, the number; this has {groups}")
    return text


Text = Annotated[str, Field(min_length=1)]
# What is written to, moved or packed is below its folder; a link there may lead to another disk.
Below = Annotated[str, AfterValidator(_below)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Amount = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Bounds = Annotated[tuple[Amount, Amount], AfterValidator(_in_order)]
Duration = Annotated[
    float,
    BeforeValidator(_seconds),
    PlainSerializer(lambda seconds: f"{seconds} s"),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*(s|sec|min|h)$"}),
]
Parameter = Annotated[Any, AfterValidator(_parameter)]
Parameters = dict[Name, Parameter]
Pattern = Annotated[str, AfterValidator(_pattern)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
# The text is checked by app.plan.read, which knows the names that it may use.
Expression = Annotated[str, Field(min_length=1, max_length=500)]


class Table(BaseModel):
    """Base of the plan's tables: immutable, and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Session(Table):
    """What is to be done, with which model and how much money."""

    name: Text
    model: Text = Field(description="a hub id, a folder, or `embedded`: what {model} stands for")
    artifacts: Below = Field(
        default=ARTIFACTS, description="the folder below the plan's that everything is written to"
    )
    budget_usd: Amount = Field(description="when it is spent, the session is saved and the pod stopped")
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**32)] = SEED
    secrets: tuple[Variable, ...] = Field(
        default=(), description="names of environment variables; phases get them, text that leaves does not"
    )
    files: tuple[Text, ...] = Field(
        default=(), description="files and folders that must be here, as glob patterns, for preflight"
    )
    environment: tuple[Variable, ...] = Field(
        default=(),
        description="names of further environment variables that phases get; CUDA_* and such pass",
    )
    disk_gb: Amount | None = Field(
        default=None, description="what the session will write, for preflight; without it that is forecast"
    )


class Pod(Table):
    """The rented machine; `stop_command` ends the rent."""

    gpu: Text = Field(description="as the provider calls it; `this machine` plans with none")
    usd_per_hour: Amount
    stop_command: tuple[Text, ...] = Field(
        default=(), description="program and arguments; a word $NAME is replaced by that variable"
    )
    stop_fallbacks: tuple[tuple[Text, ...], ...] = Field(
        default=(), description="other ways to stop, in order"
    )
    stopped_command: tuple[Text, ...] = Field(
        default=(), description="succeeds when the pod is stopped; without it a stop command's success counts"
    )
    outside_limit: str = Field(
        default="",
        description="what ends the rent when every process on the pod is dead, in words: gonogo cannot",
    )
    spent_command: tuple[Text, ...] = Field(
        default=(), description="prints what the provider has billed for this pod, in dollars"
    )
    spent_every: Annotated[Duration, Field(gt=0)] = Field(
        default=900.0, description="how often the provider is asked, beside after each phase"
    )


class Unattended(Table):
    """What happens when nobody answers: reminders (see `notify`), then the pod is stopped; never approval.

    So it is after the session's end, unless somebody keeps the pod (`gonogo keep`).
    An attempt's deadline is when the budget, less the cost of `landing`, is spent.
    """

    stop_after: Duration = Field(
        default=7200.0,
        description="how long a gate, and the end, wait for somebody; then the pod is stopped",
    )
    landing: Duration = Field(default=900.0, description="time kept to save, bundle and stop")
    warn_at: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        default=(0.5, 0.8, 0.95), description="shares of the budget at which the operator is told"
    )


class Estimate(Table):
    """What a phase is thought to take: `[low, high]`. Without `usd` the pod's rate gives the money."""

    hours: Bounds
    usd: Bounds | None = None


class Criterion(Table):
    """A named condition on the metrics of this phase (`loss`) and of earlier ones (`sft_training.loss`)."""

    name: Text
    expr: Expression


class Rule(Table):
    """The verdict and advice of a gate when a condition holds."""

    when: Expression
    verdict: Verdict
    advice: str = ""


class Gate(Table):
    """The stop after a phase: always, unless the verdict is `go`, or never. The first rule to hold counts."""

    ask: Literal["always", "unless_go", "never"] = "unless_go"
    rules: tuple[Rule, ...] = ()


class Phase(Table):
    """One step: a built-in phase module (`run`) or any program (`command`), with its parameters as flags."""

    id: Name
    title: Text
    run: Text | None = Field(default=None, description="a phase module that comes with gonogo")
    command: tuple[Text, ...] | None = Field(
        default=None, min_length=1, description="or any program with its arguments"
    )
    params: Parameters = Field(default={}, description="given as flags: batch_size = 4 is --batch-size 4")
    launcher: Literal["accelerate"] | None = Field(
        default=None,
        description="start `run` once on each visible GPU; it trains data-parallel, `batch_size` on each; "
        "with its parameter `shard_weights` the GPUs of a host share a model that does not fit one",
    )
    launcher_options: Parameters = Field(
        default={},
        description="flags of `accelerate launch`; over hosts num_machines, machine_rank, main_process_ip "
        "and main_process_port, the same phase started on each, all with one artifact folder",
    )
    batch: StrictBool = Field(default=False, description="the operator may ask for another batch: --batch 2")
    estimate: Estimate
    critical: StrictBool = Field(default=True, description="shown; others may be skipped without loss")
    stall_after: Duration = Field(default=900.0, description="silence after which a phase counts as stalled")
    stall_action: Literal["show", "stop"] = Field(
        default="show", description="what is done when nothing was reported for `stall_after`"
    )
    criteria: tuple[Criterion, ...] = ()
    remedies: dict[Cause, tuple[Parameters, ...]] = Field(
        default={}, description="by what went wrong (see below), the changes of parameters to try in turn"
    )
    metrics: dict[Name, Pattern] = Field(default={}, description="numbers to read from a command's log")
    reports: tuple[Name, ...] = Field(default=(), description="metrics that a command writes into its result")
    headline: str = Field(default="", description="a format string over its metrics: `loss {loss:.2f}`")
    gate: Gate = Gate()

    def argv(self, parameters: Mapping[str, Any]) -> list[str]:
        """Return what to execute, in the plan's folder, to run this phase with these parameters."""
        program = (
            list(self.command) if self.command else [sys.executable, *self._launch(), "-m", str(self.run)]
        )
        return [*program, *to_argv(dict(parameters))]

    def _launch(self) -> list[str]:
        """Return what comes between the interpreter and the phase's module."""
        if self.launcher is None:
            return []
        # A flag of `accelerate launch` has no opposite: false leaves it out.
        options = {name: value for name, value in self.launcher_options.items() if value is not False}
        return ["-m", "accelerate.commands.launch", *to_argv(options)]


class Bundle(Table):
    """What is carried home: glob patterns below the artifact folder; checkpoints are never packed."""

    include: tuple[Below, ...] = (
        "verification",
        "evaluations",
        "sft_data",
        "models",
        "preference_pairs",
        "logs",
        "final_comparison.*",
        "report.*",
    )


class Notify(Table):
    """Who is told of an open gate, beside the terminal: environment variables that hold Apprise URLs."""

    urls: tuple[Variable, ...] = ()
    every: Annotated[Duration, Field(gt=0)] = Field(
        default=900.0, description="how often a gate that waits is told again"
    )


class Superseded(Table):
    """Data that the session's replaces: a file or folder of the repository, and why."""

    path: Text
    note: Text


class Finish(Table):
    """What `gonogo finish` does afterwards to your own repository: paths start at its root.

    It shows the difference first, writes nothing that has uncommitted changes, and commits nothing.
    """

    roadmap: Text | None = Field(
        default=None, description="a Markdown file: items `- [ ]` of phases that are done are ticked"
    )
    marks: dict[Name, Text] = Field(
        default={}, description="by phase, a part of its item's text; without it the phase's title"
    )
    status: tuple[Text, ...] = Field(
        default=(), description="Markdown pages that get a section of results; a later session replaces it"
    )
    registry: Text | None = Field(
        default=None, description="a Markdown page that gets a section of the programs that were used"
    )
    decisions: Text | None = Field(
        default=None, description="the folder that gets a record of the session's decisions"
    )
    archive: Text = Field(default="archive/data", description="where superseded data is moved to")
    superseded: tuple[Superseded, ...] = ()


class Plan(Table):
    """A plan as it will run: the profile laid over it, placeholders filled in.

    Relative paths, also those among the parameters, start at `folder`; phases run there.
    """

    path: Path
    folder: Path
    profile: str | None
    session: Session
    pod: Pod
    phases: tuple[Phase, ...] = Field(min_length=1)
    bundle: Bundle = Bundle()
    notify: Notify = Notify()
    unattended: Unattended = Unattended()
    finish: Finish = Finish()

    def phase(self, phase_id: str) -> Phase:
        """Return the phase of that id.

        Raises:
            KeyError: there is none.
        """
        for phase in self.phases:
            if phase.id == phase_id:
                return phase
        raise KeyError(phase_id)

    @property
    def artifacts(self) -> Path:
        """The folder that everything of this plan and profile is written to."""
        return self.folder / self.session.artifacts
