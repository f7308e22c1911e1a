"""The tables of a session plan: one immutable model per table, without unknown keys.

`app.plan.validate` checks what a single table cannot know.
"""

import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    Tag,
    WithJsonSchema,
)

from app.monitor.log_format import LogFormat
from app.monitor.trainers import PRESETS
from app.plan.arguments import BooleanStyle, FlagStyle, build_arguments
from app.plan.causes import Cause
from app.plan.durations import Duration
from app.plan.patterns import check_metric_pattern, check_preset, check_progress_pattern
from app.plan.values import Verdict
from phases.contract.parameters import format_arguments

Value = int | float | str | bool

ARTIFACTS = "artifacts"
SEED = 20251003


def _check_order(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError("expected [low, high] with low <= high")
    return bounds


def _check_below(text: str) -> str:
    parts = PurePosixPath(text).parts
    if not parts or text.startswith(("/", "~")) or ".." in parts:
        raise ValueError("expected a relative path inside the folder, without `..`")
    return text


def _check_parameter(value: Any) -> Any:
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, Value):
            raise ValueError("expected a number, a text, true or false, or a list of these")
        # The session's records are JSON, which has no other numbers.
        if not isinstance(item, str) and not -(2**63) <= item < 2**63:
            raise ValueError("expected a finite number of at most 64 bits; write others as a text")
    return value


Text = Annotated[str, Field(min_length=1)]
# Files are written, moved and packed only inside their folder. A link inside it may lead to another disk.
Below = Annotated[str, AfterValidator(_check_below)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Amount = Annotated[float, Field(strict=True, ge=0, le=1e9, allow_inf_nan=False)]
Bounds = Annotated[tuple[Amount, Amount], AfterValidator(_check_order)]
Parameter = Annotated[Any, AfterValidator(_check_parameter)]
# Programs also have names such as optim.lr, device-batch-size and +trainer.profile.
ParameterName = Annotated[str, Field(pattern=r"^\+{0,2}[A-Za-z_][A-Za-z0-9_./@-]*$", max_length=200)]
Parameters = dict[ParameterName, Parameter]
Pattern = Annotated[str, AfterValidator(check_metric_pattern)]
ProgressPattern = Annotated[str, AfterValidator(check_progress_pattern)]
PresetName = Annotated[
    str, AfterValidator(check_preset), WithJsonSchema({"type": "string", "enum": list(PRESETS)})
]
Metrics = Annotated[
    Annotated[dict[Name, Pattern], Tag("table")] | Annotated[PresetName, Tag("preset")],
    Discriminator(lambda value: "preset" if isinstance(value, str) else "table"),
]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
# app.plan.validate checks the text, because it knows the names that may be used.
Expression = Annotated[str, Field(min_length=1, max_length=500)]


class Table(BaseModel):
    """Base of the plan's tables: immutable, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Session(Table):
    """The session: its model, its budget and its files."""

    name: Text
    model: Text = Field(description="hub id, folder, or `embedded`; the value of {model}")
    artifacts: Below = Field(
        default=ARTIFACTS, description="folder for all outputs, relative to the plan's folder"
    )
    budget_usd: Amount = Field(
        description="budget; once it is spent, the session is saved and the pod stopped",
    )
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**32)] = SEED
    secrets: tuple[Variable, ...] = Field(
        default=(),
        description="environment variables to pass to phases; their values are masked in everything that "
        "is shown or sent",
    )
    files: tuple[Text, ...] = Field(
        default=(), description="files and folders that preflight requires, as glob patterns"
    )
    environment: tuple[Variable, ...] = Field(
        default=(),
        description="further environment variables to pass to phases; those for proxies, certificates, GPUs, "
        "threads, caches and common libraries always pass, except tokens, keys and passwords",
    )
    disk_gb: Amount | None = Field(
        default=None, description="disk space that preflight requires, in GB; by default it is forecast"
    )


class Pod(Table):
    """The rented pod, and the commands that stop it."""

    gpu: Text = Field(description="GPU as the provider names it; `this machine` requires none")
    usd_per_hour: Amount
    stop_command: tuple[Text, ...] = Field(
        default=(),
        description="command that stops the pod; a word `$NAME` is replaced by that environment variable",
    )
    stop_fallbacks: tuple[tuple[Text, ...], ...] = Field(
        default=(), description="commands to try, in order, if `stop_command` fails"
    )
    stopped_command: tuple[Text, ...] = Field(
        default=(),
        description="command that succeeds once the pod has stopped; by default the exit code of the stop "
        "command counts",
    )
    outside_limit: str = Field(
        default="",
        description="what stops the pod if every process on it is dead, for the record; gonogo cannot do "
        "that",
    )
    spent_command: tuple[Text, ...] = Field(
        default=(), description="command that prints what the provider has billed for this pod, in dollars"
    )
    spent_every: Annotated[Duration, Field(gt=0)] = Field(
        default=900.0, description="interval of `spent_command`, which also runs after each phase"
    )


class Unattended(Table):
    """Reminders while a gate waits, then a stop of the pod. No gate is approved automatically.

    The same applies after the end of the session, unless the operator keeps the pod (`gonogo keep`). The
    deadline of an attempt is when the budget, less the cost of `landing`, is spent.
    """

    stop_after: Duration = Field(
        default=7200.0,
        description="time after which an unanswered gate, or the end of the session, stops the pod",
    )
    landing: Duration = Field(
        default=900.0,
        description="time reserved to save, package the results and stop",
    )
    warn_at: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        default=(0.5, 0.8, 0.95), description="shares of the budget at which the operator is notified"
    )


class Estimate(Table):
    """The estimate of a phase, as `[low, high]`. Without `usd`, the cost is the hours at the pod's rate."""

    hours: Bounds
    usd: Bounds | None = None


class Criterion(Table):
    """A named condition on the metrics of this phase (`loss`) and of earlier ones (`sft_training.loss`)."""

    name: Text
    expr: Expression


class Rule(Table):
    """The verdict and advice of a gate if a condition holds."""

    when: Expression
    verdict: Verdict
    advice: str = ""


class Gate(Table):
    """The gate after a phase. `ask` says when it waits for a decision; the first rule that holds counts."""

    ask: Literal["always", "unless_go", "never"] = "unless_go"
    rules: tuple[Rule, ...] = ()


class Phase(Table):
    """A step of the session: a built-in phase (`run`) or any program (`command`) with flags."""

    id: Name
    title: Text
    run: Text | None = Field(default=None, description="built-in phase, such as `phases.evaluation`")
    command: tuple[Text, ...] | None = Field(
        default=None, min_length=1, description="any other program with its arguments"
    )
    params: Parameters = Field(
        default={},
        description="parameters, passed as flags: `batch_size = 4` is `--batch-size 4`; names may have dots, "
        "as in `optim.lr = 1e-4`; those that `command` names as `{params.NAME}` are only passed there",
    )
    flags: FlagStyle = Field(
        default="dash",
        description="how a command takes its parameters: `--batch-size 4`, `--batch_size 4`, "
        "`--batch_size=4` or `batch_size=4`",
    )
    booleans: BooleanStyle | None = Field(
        default=None,
        description="how a command takes true and false: `--x` and `--no-x`, `--x` and nothing, or the words "
        "`true` and `false`; by default `no` for `dash` and `underscore`, otherwise `value`",
    )
    launcher: Literal["accelerate"] | None = Field(
        default=None,
        description="start a training phase once per visible GPU, data-parallel with `batch_size` on each; "
        "with the parameter `shard_weights`, the GPUs of a host shard a model that does not fit one",
    )
    launcher_options: Parameters = Field(
        default={},
        description="flags of `accelerate launch`; for several hosts num_machines, machine_rank, "
        "main_process_ip and main_process_port, with the phase started on each host and a shared artifact "
        "folder",
    )
    batch: StrictBool = Field(
        default=False,
        description="whether the operator may request another batch (`--batch 2`)",
    )
    estimate: Estimate
    critical: StrictBool = Field(default=True, description="whether later phases depend on it; for display")
    stall_after: Duration = Field(
        default=900.0,
        description="time without a report after which a phase counts as stalled",
    )
    stall_action: Literal["show", "stop"] = Field(
        default="show", description="whether to only show a stalled phase, or to stop it"
    )
    criteria: tuple[Criterion, ...] = ()
    remedies: dict[Cause, tuple[Parameters, ...]] = Field(
        default={}, description="by cause (see below), changes of parameters to try in turn"
    )
    metrics: Metrics = Field(
        default={},
        description="what to read from a command's log: regular expressions, each with one group, the "
        "number, or the name of a preset for a trainer",
    )
    progress: ProgressPattern = Field(
        default="",
        description="regular expression for the steps done and in total in a command's log, such as "
        "`step (\\d+)/(\\d+)`; by default bars and lines such as `step 3/10` are read",
    )
    reports: tuple[Name, ...] = Field(
        default=(), description="metrics in the result file of a command; a gate opens if one is missing"
    )
    headline: str = Field(default="", description="format string over the metrics, such as `loss {loss:.2f}`")
    gate: Gate = Gate()

    @property
    def log_format(self) -> LogFormat:
        """Return the metrics and progress to read from this phase's log."""
        if isinstance(self.metrics, str):
            return LogFormat(preset=self.metrics, progress=self.progress)
        return LogFormat(self.metrics, progress=self.progress)

    def build_command(self, parameters: Mapping[str, Any]) -> list[str]:
        """Return the command line that runs this phase with these parameters, in the plan's folder."""
        if self.command:
            return build_arguments(self.command, parameters, self.flags, self.booleans)
        flags = format_arguments(dict(parameters))
        return [sys.executable, *self._build_launcher_arguments(), "-m", str(self.run), *flags]

    def _build_launcher_arguments(self) -> list[str]:
        """Return the arguments between the interpreter and the phase's module."""
        if self.launcher is None:
            return []
        # Flags of `accelerate launch` have no negative form, so false omits them.
        options = {name: value for name, value in self.launcher_options.items() if value is not False}
        return ["-m", "accelerate.commands.launch", *format_arguments(options)]


class Bundle(Table):
    """Glob patterns of the files that `gonogo bundle` packages. Checkpoints are never included."""

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
    """Notifications of an open gate: environment variables that hold Apprise URLs."""

    urls: tuple[Variable, ...] = ()
    every: Annotated[Duration, Field(gt=0)] = Field(
        default=900.0, description="interval of reminders while a gate waits"
    )


class Superseded(Table):
    """Data that the session replaces: a file or folder of the repository, and the reason."""

    path: Text
    note: Text


class Finish(Table):
    """Files that `gonogo finish` changes in your own repository; paths start at its root.

    It shows the difference first, does not touch files with uncommitted changes, and commits nothing.
    """

    roadmap: Text | None = Field(
        default=None, description="Markdown file whose items `- [ ]` are ticked for finished phases"
    )
    marks: dict[Name, Text] = Field(
        default={}, description="by phase, a part of its item's text; by default the phase's title"
    )
    status: tuple[Text, ...] = Field(
        default=(),
        description="Markdown pages that get a section with the results; a later session replaces it",
    )
    registry: Text | None = Field(
        default=None, description="Markdown page that gets a section with the programs used"
    )
    decisions: Text | None = Field(
        default=None, description="folder that gets a record of the session's decisions"
    )
    archive: Text = Field(default="archive/data", description="folder that superseded data is moved to")
    superseded: tuple[Superseded, ...] = ()


class Plan(Table):
    """A valid plan with its profile applied and its placeholders filled in.

    Phases run in `folder`; relative paths, including those in parameters, start there.
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

    def find_phase(self, phase_id: str) -> Phase:
        """Return the phase of that id.

        Raises:
            KeyError: the plan has no such phase.
        """
        for phase in self.phases:
            if phase.id == phase_id:
                return phase
        raise KeyError(phase_id)

    @property
    def artifacts(self) -> Path:
        """The folder for all outputs of this plan and profile."""
        return self.folder / self.session.artifacts
