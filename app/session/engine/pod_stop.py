"""The stop of the pod as the conductor sees it: when it is due, and what happens to it after the session."""

from pathlib import Path

from app.plan.schema import Plan
from app.session.folder import SessionFolder
from app.session.journal.events import AnyEvent, NoticePosted, PodKept
from app.session.journal.state import State
from app.session.money import deadlines
from app.session.money.deadlines import PodStop
from app.units import format_duration

_NOTICE_KEY = "over"


class PodStopWatch:
    """Finds when the pod is stopped, with regard to other sessions that run on it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._other_session_seen_at: float | None = None

    def see_running_session(self, other: Path | None, now: float) -> None:
        """Note that another session was seen running a phase on this pod."""
        if other is not None:
            self._other_session_seen_at = now

    def find_stop(self, state: State, elapsed: float, now: float) -> PodStop | None:
        """Return when and why the pod is stopped, or None if it is not.

        Args:
            state: the session.
            elapsed: its billed seconds.
            now: the time by the monotonic clock.
        """
        stop = deadlines.find_pod_stop(self._plan, state, elapsed, now)
        if stop is None or self._other_session_seen_at is None:
            return stop
        # The pod is not stopped while another session runs on it; afterwards the wait starts again.
        earliest = self._other_session_seen_at + self._plan.unattended.stop_after
        return stop._replace(due=max(stop.due, earliest))

    def check_after_end(self, stop: PodStop | None, now: float, other: Path | None) -> list[AnyEvent]:
        """Return the notice of the stop, and the release of the pod to another unfinished session on it."""
        new_events: list[AnyEvent] = []
        if stop is not None:
            wait = format_duration(stop.due - now)
            text = (
                f"The session is over. The pod keeps running and is stopped in {wait} "
                "unless you run `gonogo keep`"
            )
            new_events.append(NoticePosted(text=text, key=_NOTICE_KEY))
        if other is None:
            return new_events
        if Plan.model_validate_json(SessionFolder(other).plan.read_bytes()).pod.stop_command:
            # The other session stops the pod at its own end.
            return [*new_events, PodKept(by=f"session {other.name}")]
        self._other_session_seen_at = now
        return new_events
