"""The conductor: the background process that runs a session, and the only writer of its journal.

It computes from the state what is due next, records it, and does it. One that replaces a dead conductor reads
the same journal and continues: it watches a running attempt or takes over its exit, and starts none twice.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

from app.plan.schema import Plan
from app.session import fingerprints, projection, requests
from app.session.asking.questions import Questions, QuestionsSetting
from app.session.attempt import variables
from app.session.clock import Clock, SystemClock
from app.session.engine import operator_requests
from app.session.engine.attempt_runner import AttemptRunner
from app.session.engine.attempt_start import plan_attempt
from app.session.engine.disk import DISK_FULL_ERRORS, PASSING_ERRORS
from app.session.engine.guard_orders import GuardSupervisor
from app.session.engine.notifier import Notifier
from app.session.engine.observer import Observer
from app.session.engine.pod_stop import PodStopWatch
from app.session.engine.presence import Presence
from app.session.engine.provider_bill import BillReader
from app.session.engine.server import SessionServer
from app.session.engine.start_event import build_conductor_start, build_session_start
from app.session.engine.timed_calls import TimedCalls, repeat, wait_for_event
from app.session.folder import BY_GUARD, SessionFolder
from app.session.folder_watch import FolderWatch
from app.session.gate import decide, judge
from app.session.journal import events
from app.session.journal.attempts_on_disk import describe_missing_lines
from app.session.journal.events import AnyEvent
from app.session.journal.fold import recover
from app.session.journal.journal import Journal, JournalBusyError, JournalDamagedError, JournalError
from app.session.journal.state import PhaseRecord, apply
from app.session.last_snapshot import save_last_snapshot
from app.session.masking import Masker
from app.session.money import ledger
from app.session.notify import Notification
from app.session.pod import pod
from app.session.requests import AnyRequest
from app.session.revised_plan import revise_plan
from app.session.snapshot import SessionSnapshot
from app.timeouts import HangingError
from app.units import format_duration

_TICKS_BETWEEN_CHECKS = 5
_SUPERVISE_SECONDS = 0.25
_ASSESS_SECONDS = 300.0


class Conductor:
    """Runs one session, from opening its journal to its end."""

    def __init__(
        self, folder: Path, clock: Clock, environment: dict[str, str], *, by_guard: bool = False
    ) -> None:
        """Open the session's journal and rebuild the state from it.

        Raises:
            JournalError: the journal cannot be continued, or another conductor has it open.
        """
        self.folder = SessionFolder(folder)
        self.plan = Plan.model_validate_json(self.folder.read_plan())
        self.journal = Journal(self.folder.journal, clock)
        self.state, damage = recover(self.journal.replay)
        damage = damage or describe_missing_lines(self.folder, self.state)
        if damage:
            raise JournalDamagedError(damage)
        self._info = self.folder.read_info()
        self._settings = self._info.settings
        self._clock = clock
        self._environment = environment
        self._by_guard = by_guard
        self._secrets = (*self.plan.session.secrets, *self.plan.notify.urls)
        lost_secrets = fingerprints.read_fingerprints(folder)
        self._masker = Masker.from_environment(self._secrets, environment, lost_secrets)
        self._observer = Observer(self.plan, self.folder, clock, self._settings.reserve)
        self._runner = AttemptRunner(
            self.plan,
            self.folder,
            clock,
            environment=environment,
            grace=self._settings.grace,
            mask=self._masker.mask_lines,
        )
        self._guard = GuardSupervisor(
            self.plan,
            self.folder,
            clock,
            environment=environment,
            settings=self._settings,
            mask=self._masker.mask_visible,
        )
        self._folder_watch = FolderWatch(self.folder.path, clock.mono)
        self._pod_stop = PodStopWatch(self.plan, self.folder.path, clock, has_guard=self._settings.guard > 0)
        self._presence = Presence(self.folder, clock, environment.get(pod.POD_ID, ""), 2 * _ASSESS_SECONDS)
        self._bills = BillReader(self.plan.pod.spent_command, environment, self._masker.mask_visible)
        self._server = SessionServer(self.handle, self.build_snapshot)
        self._notifier = Notifier(self.plan, environment, clock)
        self._assessor = TimedCalls("the assessment", _ASSESS_SECONDS)
        self._changed = asyncio.Event()
        setting = QuestionsSetting(self.plan, self.folder.path, clock, environment, self._masker)
        self._questions = Questions(setting, self._changed.set, self._post_notice)
        self._attempt_ended = asyncio.Event()
        self._is_leaving = False

    def record(self, event: AnyEvent) -> None:
        """Validate the event, persist it, then update the state."""
        entry = self.journal.prepare(event)
        state = apply(self.state, entry)
        self.journal.write(entry)
        self.state = state
        self._changed.set()
        if isinstance(event, events.AttemptEnded):
            self._attempt_ended.set()

    def _record_new(self, new_events: Iterable[AnyEvent]) -> None:
        """Record events, except keyed notices that have been posted before."""
        for event in new_events:
            if not isinstance(event, events.NoticePosted) or event.key not in self.state.notice_keys:
                self.record(event)

    def handle(self, request: AnyRequest) -> None:
        """Carry out a request from a client.

        Raises:
            Refused: the session's state does not allow the request.
        """
        operator_requests.check_allowed(self.state, request)
        event: AnyEvent | None = None
        if isinstance(request, requests.Decide):
            event = self._questions.close_for_decision(decide.decide(self.plan, self.state, request))
        elif isinstance(request, requests.Ask | requests.CancelQuestion):
            self._questions.handle(self.state, request)
        else:
            stops_pod = self._pod_stop.find_stop(self.state) is not None
            event = operator_requests.build_event(self.state, request, stops_pod=stops_pod)
        if event is not None:
            self.record(event)

    def build_snapshot(self) -> SessionSnapshot:
        """Return the session at this moment."""
        wall, mono, stop = self._clock.wall(), self._clock.mono(), self._pod_stop.find_stop(self.state)
        live = projection.Live(
            progress=self._runner.report.progress,
            stalled=self._runner.report.stalled,
            values=dict(self._runner.report.values),
            machine=self._observer.machine,
            stops_at=round(wall + stop.due - mono) if stop else None,
            measured=self._observer.measured,
            predicted=self._observer.predicted,
            asking=self._questions.build_view(self.state),
        )
        return projection.project_session(self.folder.path, self.plan, self.state, live, wall, mono)

    async def run(self) -> None:
        """Conduct the session until it is over and its pod is not going to be stopped, or until SIGTERM."""
        while not self._is_leaving:
            try:
                self._take_over()
                # Reserve space before a phase can fill the disk.
                self._observer.reserve.allocate(shutil.disk_usage(self.folder.path).free)
                break
            except OSError as error:
                await self._wait_after(error)
        with contextlib.suppress(OSError):
            self._order_guard()  # Before a command learns that the session has started.
        await self._server.start(self.folder.locate_socket())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._leave)
        background = asyncio.gather(
            self._supervise(),
            repeat(self._observe, self._settings.tick),
            repeat(self._remind, self._settings.tick),
            repeat(self._pod_stop.look_at_other_sessions, _TICKS_BETWEEN_CHECKS * self._settings.tick),
            self._query_bills(),
        )
        try:
            while not (self._is_done() or self._is_leaving):
                self._presence.note_step()
                try:
                    await self._step()
                except OSError as error:
                    await self._wait_after(error)
                if self._folder_watch.is_gone():
                    await self._leave_folder()
                    return
            if not self._is_leaving:
                await self._remind()  # Announce the end if no tick has done so.
        finally:
            background.cancel()
            await asyncio.gather(background, return_exceptions=True)
            await self._questions.stop()
            with contextlib.suppress(OSError):  # After a failure the guard stays, to stop the pod in time.
                self._order_guard(stand_down=self._is_leaving or self._is_done())
            self._server.publish()
            self._observer.reserve.release()
            save_last_snapshot(self.folder, self.build_snapshot())
            await self._server.stop()

    def _is_done(self) -> bool:
        return self.state.ended is not None and self._pod_stop.find_stop(self.state) is None

    def _leave(self) -> None:
        self._is_leaving = True
        self._changed.set()

    def _take_over(self) -> None:
        """Publish where this conductor listens, and record that it has started."""
        self._presence.publish_identity()
        with contextlib.suppress(OSError):  # Readers in a shell without the variables mask less then.
            fingerprints.remember_secrets(self.folder.path, self._secrets, self._environment)
        if self.state.started is None:
            self.record(build_session_start(self._info, self.plan))
        start = build_conductor_start(
            self.plan,
            self.folder,
            self._clock,
            self._environment,
            self.state,
            by_guard=self._by_guard,
            apply=lambda start: apply(self.state, self.journal.prepare(start)),
        )
        self.record(start)
        self._beat()
        if self.journal.torn:
            text = f"The last line of the journal was torn and moved to {self.journal.torn.name}"
            self.record(events.NoticePosted(text=text))

    async def _wait_after(self, error: OSError) -> None:
        """Wait a moment after an error that may pass; release the reserve if the disk is full."""
        if error.errno not in PASSING_ERRORS:
            raise error
        if error.errno in DISK_FULL_ERRORS:
            phase = self.state.current
            if phase is None or not phase.is_running or not self._runner.would_use_reserve(phase):
                self._observer.reserve.release()
        else:
            self._post_notice(f"The session waits, because {error}; it continues once that has passed")
        await asyncio.sleep(self._settings.poll)

    def _post_notice(self, text: str) -> None:
        """Post a notice once, if the journal can be written."""
        text = self._masker.mask_visible(text)
        with contextlib.suppress(OSError):
            self._record_new([events.NoticePosted(text=text, key=text)])

    async def _leave_folder(self) -> None:
        """Stop the attempt and tell the operator: nothing can be recorded without the session's folder."""
        self._runner.stop_without_folder(self.state.current)
        text = f"{self.folder.path} was deleted or moved. The running phase is stopped"
        stop = self._pod_stop.find_stop(self.state)
        if stop is not None:
            text += f", and the pod is stopped within {format_duration(self.plan.unattended.stop_after)}"
        print(text, file=sys.stderr)  # noqa: T201 - stderr is conductor.log
        title = f"gonogo: the folder of {self.plan.session.name} is gone"
        await self._notifier.send(Notification(title, f"{text}."))

    # The loop

    async def _step(self) -> None:
        """Do the next thing that is due, or wait a moment."""
        may_continue = await self._questions.update_worker(lambda: self.state)
        phase, stop = self.state.current, self.state.stop_request
        if not may_continue:
            await self._wait(self._settings.poll)
        elif self.state.ended is not None:
            self._record_new(await self._pod_stop.check_after_end(self.state))
            await self._wait(_TICKS_BETWEEN_CHECKS * self._settings.tick)
        elif phase is None:
            self.record(events.SessionEnded(finished=stop is None, reason=stop.reason if stop else ""))
        elif phase.is_running:
            await self._tend(phase)
        elif phase.status == "ended":
            await self._assess(phase)
        elif stop is not None:
            self.record(events.SessionEnded(finished=False, reason=stop.reason))
        elif phase.status == "waiting":
            self.record(plan_attempt(self.plan, self.state, phase, self._elapsed(), self._clock.mono()))
        else:
            await self._wait(self._settings.tick)

    async def _wait(self, seconds: float) -> None:
        """Wait until an event is recorded, but not longer than this, and publish the session."""
        await wait_for_event(self._changed, seconds)
        self._changed.clear()
        self._server.publish()

    async def _tend(self, phase: PhaseRecord) -> None:
        if self._runner.has_shim_failed():
            # The shim could not run the attempt, as on a full disk: wait before starting another.
            await self._wait(self._settings.tick)
            return
        self._record_new(self._runner.tend(phase, self.state.stop_request))
        await self._wait(self._settings.poll)

    async def _assess(self, phase: PhaseRecord) -> None:
        attempt = phase.last
        assert attempt is not None and attempt.end is not None  # noqa: PT018
        folder = self.folder.locate_attempt(phase.id, attempt.number)
        plan = revise_plan(self.plan, self.state).find_phase(phase.id)
        try:
            assessment = await self._assessor.call(
                judge.assess_attempt, plan, attempt.end, folder, self.state, self._masker
            )
        except HangingError as error:
            assessment = judge.assess_without_result(attempt.end, str(error))
        # A hold that was set or cancelled during the assessment counts.
        self.record(judge.apply_hold(assessment, plan, self.state))

    def _elapsed(self) -> float:
        return self.state.time.compute_elapsed(self._clock.mono())

    # In the background

    async def _supervise(self) -> None:
        """Give the guard its orders and show that this conductor works, whatever else is slow."""
        while True:
            for work in (self._order_guard, self._beat, self._presence.publish_identity):
                try:
                    work()
                except Exception as error:
                    with contextlib.suppress(OSError):
                        traceback.print_exc()
                    self._post_notice(f"The guard could not be given its orders: {error}")
            await asyncio.sleep(min(self._settings.tick, _SUPERVISE_SECONDS))

    def _beat(self) -> None:
        self._presence.beat(self.state)
        self.journal.keep_on_disk()

    async def _observe(self) -> None:
        """Observe the machine, and warn of the disk, the budget and a slow attempt."""
        self._record_new(
            await self._observer.observe(lambda: self.state, lambda: self._runner.report.progress)
        )
        current = self.build_snapshot().current
        self._record_new(ledger.find_warnings(self.plan, self.state, self._elapsed(), current))
        self._server.publish()

    async def _remind(self) -> None:
        """Send a notification of an open gate or of the session's end: at once, then at intervals."""
        for problem in await self._notifier.remind(self.build_snapshot()):
            self._post_notice(problem)

    def _order_guard(self, stand_down: bool = False) -> None:
        """Give the guard its orders and post its reports."""
        if not self._settings.guard:
            return
        stop = self._pod_stop.find_stop(self.state)
        self._record_new(self._guard.give_orders(self.state, stop, stand_down=stand_down))
        self._record_new(self._guard.read_reports())

    async def _query_bills(self) -> None:
        """Query the provider's bill at the start, at intervals, and after each attempt."""
        while self.plan.pod.spent_command:
            bill_events = await self._bills.read(self.state.provider, self._compute_spent_usd)
            if self.state.ended is None:
                try:
                    self._record_new(bill_events)
                except OSError:  # On a full disk, wait for the next bill.
                    traceback.print_exc()
            await wait_for_event(self._attempt_ended, self.plan.pod.spent_every)
            self._attempt_ended.clear()

    def _compute_spent_usd(self) -> float:
        return ledger.compute_spent_usd(self.plan, self._elapsed())


def _detach() -> None:
    """Exit the parent, so that this process has no controlling terminal and cannot acquire one."""
    if os.fork():
        os._exit(0)


def main(folder: Path, detach: Callable[[], None] = _detach, *, by_guard: bool = False) -> int:
    """Conduct the session of a folder in the background."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    detach()
    environment = variables.drop_outer_attempt(os.environ)
    try:
        asyncio.run(Conductor(folder, SystemClock(), environment, by_guard=by_guard).run())
    except JournalBusyError:
        return 0  # The session already has a conductor.
    except JournalError as error:
        print(error, file=sys.stderr)  # noqa: T201 - stderr is conductor.log
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), by_guard=BY_GUARD in sys.argv[2:]))
