"""The models of a session that can be asked: its base and the adapters that its phases have trained."""

from typing import NamedTuple

from app.plan.schema import Phase, Plan
from app.session.journal.events import Parameter
from app.session.journal.state import PhaseRecord, State
from phases.contract.phase_spec import load_spec
from phases.contract.questions import BASE, AskedModel, Setup

_UNUSABLE_GATES = ("failed", "stopped")
_DEFAULT_NEW_TOKENS = 256


class Available(NamedTuple):
    """The models that a worker loads, or the reason why there is none to ask."""

    setup: Setup
    reason: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the models."""
        return tuple(model.name for model in self.setup.models)


def find_available(plan: Plan, state: State) -> Available:
    """Return the models that exist so far, with the suite and the token limit of the evaluations."""
    if not any(phase.run for phase in plan.phases):
        reason = (
            "there is no model to ask: the phases of this plan are other programs, "
            "and only models that built-in phases load and train can be asked"
        )
        return Available(Setup((), "auto", _DEFAULT_NEW_TOKENS), reason)
    base = plan.session.model
    adapters: list[AskedModel] = []
    for record in state.phases:
        phase = plan.find_phase(record.id)
        name = load_spec(phase.run).trained_model if phase.run else ""
        if not name or not _has_result(record):
            continue
        parameters = _read_parameters(phase, record)
        if any(adapter.name == name for adapter in adapters):
            name = phase.id
        adapters.append(AskedModel(name, str(parameters.get("output_dir", ""))))
        if len(adapters) == 1:
            base = str(parameters.get("model", base))
    suite, max_new_tokens = _find_suite(plan, state)
    return Available(Setup((AskedModel(BASE, base), *adapters), suite, max_new_tokens))


def _has_result(record: PhaseRecord) -> bool:
    """Return whether the last attempt of a phase has succeeded, and its result was not set aside."""
    assessment = record.last.assessment if record.last else None
    return (
        record.status in ("done", "gate")
        and assessment is not None
        and assessment.gate not in _UNUSABLE_GATES
    )


def _find_suite(plan: Plan, state: State) -> tuple[str, int]:
    """Return the suite and the token limit of the last evaluation, or of the first that is planned."""
    evaluations = [
        record
        for record in state.phases
        if (run := plan.find_phase(record.id).run) and load_spec(run).writes_answers
    ]
    if not evaluations:
        return "auto", _DEFAULT_NEW_TOKENS
    record = [*evaluations[:1], *(each for each in evaluations if each.attempts)][-1]
    parameters = _read_parameters(plan.find_phase(record.id), record)
    limit = parameters.get("max_new_tokens")
    return str(parameters.get("suite", "auto")), limit if isinstance(limit, int) else _DEFAULT_NEW_TOKENS


def _read_parameters(phase: Phase, record: PhaseRecord) -> dict[str, Parameter]:
    """Return the parameters of the last attempt, or else those planned, as they were given."""
    return dict(record.last.spec.parameters if record.last else phase.params)
