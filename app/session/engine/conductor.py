"""The conductor: the background process that runs a session, and the only writer of its journal.

It computes from the state what is due next, records it, and does it. A conductor that died is replaced by one
that reads the same journal and continues: it watches a running attempt, takes over a recorded exit, and never
starts an attempt twice. Run it with `python -m app.session.engine.conductor FOLDER`.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from app.plan.schema import Plan
from app.session import heartbeat, projection, registry, requests
from app.session.attempt import process, variables
from app.session.clock import Clock, SystemClock
from app.session.engine.attempt_runner import AttemptRunner
from app.session.engine.attempt_start import plan_attempt
from app.session.engine.disk import DISK_FULL_ERRORS, PASSING_ERRORS
from app.session.engine.folder_watch import FolderWatch
from app.session.engine.guard_orders import GuardSupervisor, build_orders
from app.session.engine.notifier import Notifier
from app.session.engine.observer import Observer
from app.session.engine.pod_stop import PodStopWatch
from app.session.engine.provider_bill import BillReader
from app.session.engine.server import SessionServer
from app.session.engine.start_event import build_start_event
from app.session.engine.worker import HangingError, Worker, wait_for_event
from app.session.folder import BY_GUARD, ConductorRecord, SessionFolder
from app.session.gate import decide, judge
from app.session.journal import events
from app.session.journal.attempts_on_disk import describe_missing_lines
from app.session.journal.events import AnyEvent
from app.session.journal.journal import Journal, JournalBusyError, JournalDamagedError, JournalError
from app.session.journal.state import PhaseRecord, apply, recover
from app.session.masking import Masker
from app.session.money import ledger
from app.session.money.deadlines import PodStop
from app.session.notify import Notification
from app.session.pod import pod
from app.session.requests import AnyRequest, Refused
from app.session.snapshot import SessionSnapshot
from app.units import format_duration

_TICKS_BETWEEN_CHECKS = 5
_SUPERVISE_SECONDS = 0.25
_ASSESSMENT_SECONDS = 300.0
_FILES_SECONDS = 30.0
_LONGEST_STEP_SECONDS = 2 * _ASSESSMENT_SECONDS
_REQUESTS_AFTER_END = requests.GetSnapshot | requests.Subscribe | requests.KeepPod


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
        self.plan = Plan.model_validate_json(self.folder.plan.read_bytes())
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
        self._masker = Masker.of((*self.plan.session.secrets, *self.plan.notify.urls), environment)
        self._observer = Observer(self.plan, self.folder, clock, self._settings.reserve)
        self._runner = AttemptRunner(
            self.plan,
            self.folder,
            clock,
            environment=environment,
            grace=self._settings.grace,
            mask=self._masker.data,
        )
        self._guard = GuardSupervisor(self.folder, environment, self._settings.hang, clock.mono)
        self._folder_watch = FolderWatch(self.folder.path, clock.mono)
        self._pod_stop = PodStopWatch(self.plan)
        self._bills = BillReader(self.plan.pod.spent_command, environment, self._masker.text)
        self._server = SessionServer(self.handle, self.snapshot)
        self._notifier = Notifier(self.plan, environment, clock)
        self._assessor = Worker("the assessment", _ASSESSMENT_SECONDS)
        self._files = Worker("the list of sessions", _FILES_SECONDS)
        self._boot_id = process.read_boot_id()
        self._pod_id = environment.get(pod.POD_ID, "")
        self._stepped_at = clock.mono()
        self._changed = asyncio.Event()
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

    def handle(self, request: AnyRequest) -> None:
        """Carry out a request from a client.

        Raises:
            Refused: the session's state does not allow the request.
        """
        if self.state.ended is not None and not isinstance(request, _REQUESTS_AFTER_END):
            raise Refused("the session is over")
        match request:
            case requests.GetSnapshot() | requests.Subscribe():
                pass
            case requests.Decide():
                self.record(decide.decide(self.plan, self.state, request))
            case requests.StopPhase(by=by):
                self._stop_phase(by)
            case requests.StopSession(by=by):
                if self.state.stop_request is None:
                    self.record(events.SessionStopRequested(by=by))
            case requests.Hold(on=on, by=by):
                if self.state.hold != on:
                    self.record(events.HoldSet(on=on, by=by))
            case requests.KeepPod(by=by):
                self._keep_pod(by)

    def _stop_phase(self, by: str) -> None:
        phase = self.state.current
        if phase is None or phase.last is None or not phase.is_running:
            raise Refused("no phase is running")
        if phase.status == "running":
            self.record(events.AttemptStopRequested(phase=phase.id, attempt=phase.last.number, by=by))

    def _keep_pod(self, by: str) -> None:
        if self.state.ended is None:
            raise Refused("the session is not over; decide an open gate with `gonogo decide`")
        if self._is_done():
            raise Refused("the pod is not going to be stopped")
        self.record(events.PodKept(by=by))

    def snapshot(self) -> SessionSnapshot:
        """Return the session at this moment."""
        wall, mono, stop = self._clock.wall(), self._clock.mono(), self._find_pod_stop()
        live = projection.Live(
            progress=self._runner.report.progress,
            stalled=self._runner.report.stalled,
            values=dict(self._runner.report.values),
            machine=self._observer.machine,
            stops_at=round(wall + stop.due - mono) if stop else None,
            measured=self._observer.measured,
        )
        return projection.snapshot(self.folder.path, self.plan, self.state, live, wall, mono)

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
        await self._server.start(self.folder.socket())
        with contextlib.suppress(OSError):
            self._order_guard()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._leave)
        background = asyncio.gather(
            self._supervise(),
            self._repeat(self._observe),
            self._repeat(self._remind),
            self._repeat(self._look_at_other_sessions, _TICKS_BETWEEN_CHECKS),
            self._query_bills(),
        )
        try:
            while not (self._is_done() or self._is_leaving):
                self._stepped_at = self._clock.mono()
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
            with contextlib.suppress(OSError):
                # After a failure the guard stays, so that the pod is still stopped in time.
                self._order_guard(stand_down=self._is_leaving or self._is_done())
            self._server.publish()
            self._observer.reserve.release()
            await self._server.stop()

    def _is_done(self) -> bool:
        return self.state.ended is not None and self._find_pod_stop() is None

    def _leave(self) -> None:
        self._is_leaving = True
        self._changed.set()

    def _take_over(self) -> None:
        """Publish where this conductor listens, and record that it has started."""
        self.folder.write_conductor(ConductorRecord(*process.identify_self(), str(self.folder.socket())))
        if self.state.started is None:
            self.record(
                events.SessionStarted(
                    id=self._info.id,
                    plan_sha256=self._info.plan_sha256,
                    profile=self._info.profile,
                    seed=self.plan.session.seed,
                    phases=[phase.id for phase in self.plan.phases],
                    approved=self._info.approved,
                    usd_per_hour=self.plan.pod.usd_per_hour,
                    budget_usd=self.plan.session.budget_usd,
                )
            )
        self.record(self._build_start_event())
        self._beat()
        if self.journal.torn:
            text = f"The last line of the journal was torn and moved to {self.journal.torn.name}"
            self.record(events.NoticePosted(text=text))

    def _build_start_event(self) -> events.ConductorStarted:
        return build_start_event(
            self.plan,
            self.folder,
            self._clock,
            self._environment,
            self.state,
            by_guard=self._by_guard,
            apply=lambda start: apply(self.state, self.journal.prepare(start)),
        )

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
        text = self._masker.text(text)
        with contextlib.suppress(OSError):
            self._record_new([events.NoticePosted(text=text, key=text)])

    async def _leave_folder(self) -> None:
        """Stop the attempt and tell the operator: nothing can be recorded without the session's folder."""
        self._runner.stop_without_folder()
        text = f"{self.folder.path} was deleted or moved. The running phase is stopped"
        stop = self._find_pod_stop()
        if stop is not None:
            text += f", and the pod is stopped within {format_duration(self.plan.unattended.stop_after)}"
        print(text, file=sys.stderr)  # noqa: T201 - stderr is conductor.log
        name = self.plan.session.name
        await self._notifier.send(Notification(f"gonogo: the folder of {name} is gone", f"{text}."))

    # The loop

    async def _step(self) -> None:
        """Do the next thing that is due, or wait a moment."""
        phase = self.state.current
        stop = self.state.stop_request
        if self.state.ended is not None:
            await self._check_after_end()
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
            self.record(plan_attempt(self.plan, phase, self._elapsed(), self._clock.mono()))
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
        assert attempt is not None
        assert attempt.end is not None
        folder = self.folder.attempt(phase.id, attempt.number)
        try:
            assessment = await self._assessor.call(
                judge.assess_attempt, self.plan.phase(phase.id), attempt.end, folder, self.state, self._masker
            )
        except HangingError as error:
            assessment = judge.assess_without_result(attempt.end, str(error))
        # A hold that was set or cancelled during the assessment counts.
        self.record(judge.apply_hold(assessment, self.plan.phase(phase.id), self.state))

    async def _check_after_end(self) -> None:
        try:
            other = await self._files.call(registry.find_other_running_session, self.folder.path)
        except (HangingError, OSError):
            other = None
        stop = self._find_pod_stop()
        self._record_new(self._pod_stop.check_after_end(stop, self._clock.mono(), other))

    def _find_pod_stop(self) -> PodStop | None:
        """Return when and why the guard stops the pod, or None if it does not."""
        if not self._settings.guard:
            return None
        return self._pod_stop.find_stop(self.state, self._elapsed(), self._clock.mono())

    def _elapsed(self) -> float:
        return self.state.time.elapsed_at(self._clock.mono())

    # In the background

    async def _repeat(self, work: Callable[[], Awaitable[None]], ticks: int = 1) -> None:
        """Do some work at intervals. A failure, or work that takes long, delays nothing else."""
        while True:
            await asyncio.sleep(ticks * self._settings.tick)
            try:
                await work()
            except Exception:  # A failing driver or disk must not end the session.
                with contextlib.suppress(OSError):
                    traceback.print_exc()

    async def _supervise(self) -> None:
        """Give the guard its orders and show that this conductor works, whatever else is slow."""
        while True:
            for work in (self._order_guard, self._beat, self._publish_identity):
                try:
                    work()
                except Exception as error:
                    with contextlib.suppress(OSError):
                        traceback.print_exc()
                    self._post_notice(f"The guard could not be given its orders: {error}")
            await asyncio.sleep(min(self._settings.tick, _SUPERVISE_SECONDS))

    def _beat(self) -> None:
        now = self._clock.mono()
        if now - self._stepped_at > _LONGEST_STEP_SECONDS:
            return  # This conductor is stuck, so the guard should replace it.
        up = self.state.pod_time.elapsed_at(now)
        beat = heartbeat.Heartbeat(self._clock.wall(), now, self._boot_id, self._pod_id, up)
        heartbeat.write_heartbeat(self.folder.path / heartbeat.CONDUCTOR_HEARTBEAT, beat)

    def _publish_identity(self) -> None:
        """Write where this conductor listens, if the file was lost."""
        record = ConductorRecord(*process.identify_self(), str(self.folder.socket()))
        if self.folder.read_conductor() != record:
            self.folder.write_conductor(record)

    async def _observe(self) -> None:
        """Observe the machine, and warn of the disk, the budget and a slow attempt."""
        self._record_new(
            await self._observer.observe(lambda: self.state, lambda: self._runner.report.progress)
        )
        self._warn()
        self._server.publish()

    async def _look_at_other_sessions(self) -> None:
        """Note whether another session runs a phase on this pod, which must not be stopped then."""
        if not self.plan.pod.stop_command:
            return
        other = await self._files.call(registry.find_session_with_running_phase, self.folder.path)
        self._pod_stop.see_running_session(other, self._clock.mono())

    def _warn(self) -> None:
        """Post notices of the spent budget and of a slow attempt."""
        if self.state.ended is not None:
            return
        current = self.snapshot().current
        remaining, progress = (current.remaining, current.progress) if current else (None, None)
        elapsed = self._elapsed()
        self._record_new(ledger.find_budget_warnings(self.plan, elapsed))
        self._record_new(ledger.find_slow_warnings(self.plan, self.state, elapsed, remaining, progress))

    def _record_new(self, new_events: Iterable[AnyEvent]) -> None:
        """Record events, except keyed notices that have been posted before."""
        for event in new_events:
            if not isinstance(event, events.NoticePosted) or event.key not in self.state.notice_keys:
                self.record(event)

    async def _remind(self) -> None:
        """Send a notification of an open gate or of the session's end: at once, then at intervals."""
        for problem in await self._notifier.remind(self.snapshot()):
            self._post_notice(problem)

    def _order_guard(self, stand_down: bool = False) -> None:
        """Give the guard its orders and post its reports."""
        if not self._settings.guard:
            return
        orders = build_orders(
            self.plan,
            self.state,
            self.folder,
            self._find_pod_stop(),
            settings=self._settings,
            stand_down=stand_down,
        )
        if problem := self._guard.give_orders(orders):
            self.record(events.NoticePosted(text=problem))
        self._record_new(
            events.NoticePosted(text=f"Guard: {self._masker.text(text)}", key=key)
            for key, text in self._guard.read_reports()
        )

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
    # Variables that gonogo set for a surrounding attempt are not meant for this session.
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in variables.OWN_VARIABLES or not name.startswith("GONOGO_")
    }
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
