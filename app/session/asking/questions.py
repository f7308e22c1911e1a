"""Questions to the models at an open gate.

A worker process holds the models while the gate is open and someone asks. It has ended, and the GPU is free,
before a phase starts; it also ends with the last process that asked, with the conductor, and after a while
without questions.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from app.plan.schema import Plan
from app.session.asking.available import find_available
from app.session.asking.conversation import Conversation
from app.session.asking.transcript import FOLDER
from app.session.asking.view import AnswerView, AskingView, QuestionView, WorkerState
from app.session.asking.worker_process import LOG, WorkerProcess, end_leftover
from app.session.attempt import process
from app.session.attempt.variables import select_variables
from app.session.clock import Clock
from app.session.journal.events import GateDecided
from app.session.journal.state import State
from app.session.masking import Masker
from app.session.requests import Ask, CancelQuestion, Refused
from app.units import format_duration
from phases.contract.questions import (
    LONGEST_INSTRUCTION,
    SAMPLED_TEMPERATURE,
    SAMPLED_TOP_P,
    Answer,
    Asked,
    Cancel,
    Done,
    Failed,
    FromWorker,
    Piece,
    Question,
    Ready,
)

_PUBLISH_SECONDS = 0.2
_STUCK = (
    "The process that answered questions cannot be ended and may hold the GPU; the next phase waits for it. "
    "If this lasts, restart the pod"
)


class Limits(NamedTuple):
    """Seconds after which a worker is ended: while loading, without a sign of life, without a question."""

    load: float = 1800.0
    silence: float = 300.0
    idle: float = 1800.0


DEFAULT_LIMITS = Limits()


class QuestionsSetting(NamedTuple):
    """The session whose models are asked: its plan and folder, and what all its parts share."""

    plan: Plan
    session: Path
    clock: Clock
    environment: Mapping[str, str]
    masker: Masker


class OpenGate(NamedTuple):
    """A gate: its phase and attempt, and when it opened."""

    phase: str
    attempt: int
    opened: float


def find_open_gate(state: State) -> OpenGate | None:
    """Return the gate that waits for a decision."""
    record = state.current
    if record is None or record.status != "gate" or state.ended or state.stop_request:
        return None
    return OpenGate(record.id, record.attempt_number, record.gate_since)


class Questions:
    """Checks the questions of a session, lets a worker answer them, and keeps the answers as evidence."""

    def __init__(
        self,
        setting: QuestionsSetting,
        changed: Callable[[], None],
        notice: Callable[[str], None],
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        """Prepare; `changed` is called when the view has changed, and `notice` posts a notice."""
        self._plan, self._session, self._clock, self._environment, self._masker = setting
        self._changed = changed
        self._notice = notice
        self._limits = limits
        self._gate: OpenGate | None = None
        self._conversation: Conversation | None = None
        self._pending: Question | None = None
        self._askers: dict[int, process.ProcessIdentity] = {}
        self._worker: WorkerProcess | None = None
        self._worker_state: WorkerState = "off"
        self._started = 0.0
        self._last_event_at = 0.0
        self._published = 0.0
        self._error = ""
        self._has_ended_leftover = False

    def handle(self, state: State, request: Ask | CancelQuestion) -> None:
        """Accept a question, or end the answers to one.

        Raises:
            Refused: no gate is open, there is no such model, or another question is being answered.
        """
        if isinstance(request, Ask):
            self._ask(state, request)
        else:
            self._cancel(request.number)

    def _ask(self, state: State, request: Ask) -> None:
        """Accept a question; `update_worker` starts a worker for it if none is running."""
        gate = find_open_gate(state)
        if gate is None or gate[:2] != (request.phase, request.attempt):
            raise Refused("models can be asked only at the open gate, and this gate is not open")
        available = find_available(self._plan, state)
        if available.reason:
            raise Refused(available.reason)
        unknown = [name for name in request.models if name not in available.names]
        if unknown:
            expected = ", ".join(available.names)
            raise Refused(f"there is no model {unknown[0]} so far; expected one of: {expected}")
        if bool(request.instruction.strip()) == bool(request.prompt):
            raise Refused("expected an instruction, or else the key of a prompt of the suite")
        if len(request.instruction) > LONGEST_INSTRUCTION:
            raise Refused(
                f"the instruction has {len(request.instruction):,} characters; expected at most "
                f"{LONGEST_INSTRUCTION:,}"
            )
        asker = process.identify(request.pid)
        if asker is None:
            raise Refused(f"the conductor cannot see the process that asks, PID {request.pid}")
        conversation = self._open_conversation(gate)
        if conversation.open_number is not None:
            raise Refused(f"question {conversation.open_number} is being answered; wait, or cancel it")
        self._askers[request.pid] = asker
        models = tuple(name for name in available.names if name in (request.models or available.names))
        self._add(conversation, request, models)

    def _add(self, conversation: Conversation, request: Ask, models: tuple[str, ...]) -> None:
        number = conversation.next_number
        question = Question(
            number,
            models=models,
            instruction=request.instruction.strip(),
            prompt=request.prompt,
            temperature=SAMPLED_TEMPERATURE if request.sampled else 0.0,
            top_p=SAMPLED_TOP_P if request.sampled else 1.0,
            # Asking again samples another answer.
            seed=number if request.seed is None else request.seed,
        )
        conversation.add(
            QuestionView(
                number=number,
                by=request.by,
                asked=self._clock.wall(),
                instruction=question.instruction,
                prompt=question.prompt,
                temperature=question.temperature,
                top_p=question.top_p,
                seed=question.seed,
                answers=tuple(AnswerView(model=name) for name in models),
            )
        )
        self._error = ""
        self._pending = question
        if self._worker_state == "ready":
            self._send_pending()
        self._changed()

    def _send_pending(self) -> None:
        if self._pending is not None and self._worker is not None:
            self._worker.send(self._pending)
            self._pending = None
            self._worker_state = "answering"
            self._last_event_at = self._clock.mono()

    def _cancel(self, number: int) -> None:
        """End the answers to a question; a worker that still loads continues to load."""
        conversation = self._conversation
        if conversation is None or conversation.open_number != number:
            raise Refused(f"question {number} is not being answered")
        if self._worker_state == "answering" and self._worker is not None:
            self._worker.send(Cancel(number))
        self._close_question("cancelled")

    def close_for_decision(self, event: GateDecided) -> GateDecided:
        """End what is being answered, and return the decision with the gate's transcript as evidence."""
        opened = self._gate.opened if self._gate else 0.0
        conversation = self._open_conversation(OpenGate(event.phase, event.attempt, opened))
        self._close_question("the gate was decided")
        evidence = conversation.transcript.identify()
        if evidence is None:
            return event
        return replace(event, transcript=evidence.path, transcript_sha256=evidence.sha256)

    def build_view(self, state: State) -> AskingView | None:
        """Return the models and the questions at the open gate, or None without an open gate."""
        gate = find_open_gate(state)
        if gate is None:
            return None
        available = find_available(self._plan, state)
        conversation = self._conversation if gate == self._gate else None
        return AskingView(
            models=available.names,
            unavailable=available.reason,
            suite=available.setup.suite,
            base=available.setup.models[0].path if available.setup.models else "",
            state=self._worker_state,
            pid=self._worker.pid if self._worker is not None else None,
            since=self._started if self._worker is not None else None,
            error=self._error if conversation else "",
            questions=conversation.list_shown() if conversation else (),
            total=len(conversation) if conversation else 0,
        )

    async def update_worker(self, get_state: Callable[[], State]) -> bool:
        """Start or end the worker as the session's state requires; return whether a phase may start.

        Without an open gate, it may start once no process holds models any more.
        """
        if not self._has_ended_leftover:
            self._has_ended_leftover = await end_leftover(self._session / FOLDER)
            if not self._has_ended_leftover:
                self._notice(_STUCK)
                return False
        gate = find_open_gate(get_state())
        if gate is None or gate != self._gate:
            self._close_question("the gate was closed")
            self._gate = self._conversation = None
            return await self.stop()
        self._askers = {pid: asker for pid, asker in self._askers.items() if process.is_alive(asker)}
        if self._worker is not None and (reason := self._find_reason_to_end()) is not None:
            await self.stop(reason)
        if self._pending is not None and self._worker is None:
            await self._start(get_state())
        # A decision may have arrived in between.
        return self._worker is None or find_open_gate(get_state()) == gate

    def _find_reason_to_end(self) -> str | None:
        """Return why the worker has to end while its gate is open, or None."""
        if self._worker_state == "off":
            return ""  # It has failed, and has said why.
        if not self._askers:
            return "the process that asked has ended"
        silence = self._clock.mono() - self._last_event_at
        match self._worker_state:
            case "loading" if silence > self._limits.load:
                return f"the models did not load within {format_duration(self._limits.load)}"
            case "answering" if silence > self._limits.silence:
                return f"no token came for {format_duration(self._limits.silence)}"
            case "ready" if silence > self._limits.idle:
                return f"no question came for {format_duration(self._limits.idle)}; the next one loads again"
        return None

    async def _start(self, state: State) -> None:
        folder = self._session / FOLDER
        self._started, self._last_event_at = self._clock.wall(), self._clock.mono()
        try:
            folder.mkdir(exist_ok=True, mode=0o700)
            self._worker = await WorkerProcess.start(
                find_available(self._plan, state).setup,
                folder,
                cwd=self._plan.folder,
                environment=select_variables(self._plan, self._environment),
                receive=self._receive,
                end=self._note_end,
            )
        except OSError as error:
            self._fail(f"the process that answers cannot be started: {error}")
        else:
            self._worker_state = "loading"
        self._changed()

    async def stop(self, reason: str = "") -> bool:
        """End the worker and show the operator the reason; return whether it is gone."""
        if self._worker is None:
            return True
        self._worker_state = "off"
        self._askers = {}
        if reason:
            self._fail(reason)
        if not await self._worker.stop():
            self._notice(_STUCK)
            return False
        self._worker = None
        self._changed()
        return True

    def _open_conversation(self, gate: OpenGate) -> Conversation:
        """Return the conversation at a gate, which may be that of a conductor that died."""
        if self._conversation is None or self._gate != gate:
            self._gate = gate
            self._error = ""
            self._conversation = Conversation(
                self._session, gate.phase, gate.attempt, self._clock, self._masker, self._notice
            )
        return self._conversation

    def _receive(self, event: FromWorker) -> None:
        now = self._last_event_at = self._clock.mono()
        conversation = self._conversation
        match event:
            case Ready(provenance=provenance):
                self._worker_state = "ready"
                if conversation is not None:
                    conversation.note_models(provenance)
                self._send_pending()
            case Failed(error=error):
                self._worker_state = "off"
                self._fail(error)
            case Done(number=number, error=error):
                self._worker_state = "ready"
                if conversation is not None and conversation.open_number == number:
                    self._close_question(error or "cancelled")
                self._send_pending()
            case Asked() | Piece() | Answer() if conversation is not None:
                conversation.receive(event)
        if not isinstance(event, Piece) or now - self._published > _PUBLISH_SECONDS:
            self._published = now
            self._changed()

    def _note_end(self, how: str) -> None:
        """Note that the worker has ended without being asked to."""
        if self._worker_state != "off":
            self._worker_state = "off"
            self._fail(f"the process that answers ended with {how}; its messages are in {FOLDER}/{LOG}")
        self._changed()

    def _fail(self, error: str) -> None:
        self._error = self._masker.mask_visible(error)
        self._close_question(error)

    def _close_question(self, error: str) -> None:
        self._pending = None
        if self._conversation is not None:
            self._conversation.close(error)
