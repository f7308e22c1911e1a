"""The stop of the pod as the conductor sees it: when it is due, and what happens to it after the session."""

from pathlib import Path

from app.plan.schema import Plan
from app.session import registry
from app.session.clock import Clock
from app.session.engine.timed_calls import TimedCalls
from app.session.folder import SessionFolder
from app.session.journal.events import AnyEvent, NoticePosted, PodKept
from app.session.journal.state import State
from app.session.money import deadlines
from app.session.money.deadlines import PodStop
from app.timeouts import HangingError

_NOTICE_KEY = "over"
_FILES_SECONDS = 30.0


class PodStopWatch:
    """Finds when the pod is stopped, with regard to other sessions that run on it.

    Args:
        plan: the plan.
        folder: the session's folder.
        clock: the clock.
        has_guard: whether the session has a guard; without one, the pod is never stopped.
    """

    def __init__(self, plan: Plan, folder: Path, clock: Clock, *, has_guard: bool) -> None:
        self._plan = plan
        self._folder = folder
        self._clock = clock
        self._has_guard = has_guard
        self._files = TimedCalls("the list of sessions", _FILES_SECONDS)
        self._other_session_seen_at: float | None = None

    def find_stop(self, state: State) -> PodStop | None:
        """Return when and why the guard stops the pod, or None if it does not."""
        if not self._has_guard:
            return None
        now = self._clock.mono()
        stop = deadlines.find_pod_stop(self._plan, state, state.time.compute_elapsed(now), now)
        if stop is None or self._other_session_seen_at is None:
            return stop
        # The pod is not stopped while another session runs on it; afterwards the wait starts again.
        earliest = self._other_session_seen_at + self._plan.unattended.stop_after
        return stop._replace(due=max(stop.due, earliest))

    async def look_at_other_sessions(self) -> None:
        """Note whether another session runs a phase on this pod, because the pod must then keep running."""
        if not self._plan.pod.stop_command:
            return
        other = await self._files.call(registry.find_session_with_running_phase, self._folder)
        if other is not None:
            self._other_session_seen_at = self._clock.mono()

    async def check_after_end(self, state: State) -> list[AnyEvent]:
        """Return the notice of the stop, and the release of the pod to another unfinished session on it."""
        try:
            other = await self._files.call(registry.find_other_running_session, self._folder)
        except (HangingError, OSError):
            other = None
        new_events: list[AnyEvent] = []
        if self.find_stop(state) is not None:
            # No time: the notice stays, and the screens show when the pod is stopped.
            text = "The session is over. The pod will be stopped unless you run `gonogo keep`"
            new_events.append(NoticePosted(text=text, key=_NOTICE_KEY))
        if other is None:
            return new_events
        if Plan.model_validate_json(SessionFolder(other).read_plan()).pod.stop_command:
            # The other session stops the pod at its own end.
            return [*new_events, PodKept(by=f"session {other.name}")]
        self._other_session_seen_at = self._clock.mono()
        return new_events
