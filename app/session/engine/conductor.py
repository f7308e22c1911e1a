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
from collections.abc import Callable, Iterable
from pathlib import Path

from app.monitor.gpu import GpuReader
from app.monitor.machine_sample import MachineSample
from app.plan.estimates import MeasuredHours
from app.plan.schema import Plan
from app.session import calibration, notify, projection, requests
from app.session.attempt import process, shim, shim_control, variables
from app.session.clock import Clock, SystemClock
from app.session.engine.attempt_runner import AttemptRunner
from app.session.engine.attempt_start import plan_attempt
from app.session.engine.disk import DISK_FULL_ERRORS, DiskWatch, Reserve, build_disk_events
from app.session.engine.guard_orders import GuardSupervisor, build_orders
from app.session.engine.machine_sampler import record_machine_sample
from app.session.engine.pod_stop import PodStopWatch
from app.session.engine.provider_bill import BillReader
from app.session.engine.server import SessionServer
from app.session.folder import BY_GUARD, ConductorRecord, SessionFolder
from app.session.gate import decide, judge
from app.session.journal import events
from app.session.journal.events import AnyEvent
from app.session.journal.journal import Journal, JournalBusyError, JournalDamagedError, JournalError
from app.session.journal.state import AttemptRecord, PhaseRecord, apply, recover
from app.session.masking import Masker
from app.session.money import ledger
from app.session.money.deadlines import PodStop
from app.session.pod import pod
from app.session.requests import AnyRequest, Refused
from app.session.snapshot import SessionSnapshot

_TICKS_BETWEEN_CHECKS_AFTER_END = 5
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
        if damage:
            raise JournalDamagedError(damage)
        self._info = self.folder.read_info()
        self._settings = self._info.settings
        self._clock = clock
        self._environment = environment
        self._by_guard = by_guard
        self._masker = Masker.of((*self.plan.session.secrets, *self.plan.notify.urls), environment)
        self._reserve = Reserve(self.folder.path / "reserve", self._settings.reserve)
        self._disk = DiskWatch(self._settings.reserve)
        self._runner = AttemptRunner(
            self.plan,
            self.folder,
            clock,
            environment=environment,
            grace=self._settings.grace,
            mask=self._masker.data,
        )
        self._guard = GuardSupervisor(self.folder, environment)
        self._pod_stop = PodStopWatch(self.plan, self.folder)
        self._bills = BillReader(self.plan.pod.spent_command, environment, self._masker.text)
        self._server = SessionServer(self.handle, self.snapshot)
        self._reminders = notify.Reminders(clock, self.plan.notify.every)
        self._machine: MachineSample | None = None
        self._measured: dict[str, MeasuredHours] = {}
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
            machine=self._machine,
            stops_at=round(wall + stop.due - mono) if stop else None,
            measured=self._measured,
        )
        return projection.snapshot(self.folder.path, self.plan, self.state, live, wall, mono)

    async def run(self) -> None:
        """Conduct the session until it is over and its pod is not going to be stopped, or until SIGTERM."""
        while not self._is_leaving:
            try:
                self._take_over()
                # Reserve space before a phase can fill the disk.
                self._reserve.allocate(shutil.disk_usage(self.folder.path).free)
                break
            except OSError as error:
                await self._wait_for_space(error)
        await self._server.start(self.folder.socket())
        with contextlib.suppress(OSError):
            self._order_guard()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._leave)
        background = asyncio.gather(self._tick(), self._query_bills())
        try:
            while not (self._is_done() or self._is_leaving):
                try:
                    await self._step()
                except OSError as error:
                    await self._wait_for_space(error)
            if not self._is_leaving:
                await self._remind()  # Announce the end if no tick has done so.
        finally:
            background.cancel()
            await asyncio.gather(background, return_exceptions=True)
            with contextlib.suppress(OSError):
                # After a failure the guard stays, so that the pod is still stopped in time.
                self._order_guard(stand_down=self._is_leaving or self._is_done())
            self._server.publish()
            self._reserve.release()
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
        machine, age = pod.identify_incarnation(self._environment)
        self.record(
            events.ConductorStarted(pid=os.getpid(), machine=machine, pod_age=age, by_guard=self._by_guard)
        )
        if self.journal.torn:
            text = f"The last line of the journal was torn and moved to {self.journal.torn.name}"
            self.record(events.NoticePosted(text=text))

    async def _wait_for_space(self, error: OSError) -> None:
        """Release the reserve if the disk is full, and wait a moment before the next try."""
        if error.errno not in DISK_FULL_ERRORS:
            raise error
        phase = self.state.current
        if phase is None or not phase.is_running or not self._runner.would_use_reserve(phase):
            self._reserve.release()
        await asyncio.sleep(self._settings.poll)

    # The loop

    async def _step(self) -> None:
        """Do the next thing that is due, or wait a moment."""
        phase = self.state.current
        stop = self.state.stop_request
        if self.state.ended is not None:
            self._record_new(self._pod_stop.check_after_end(self._find_pod_stop(), self._clock.mono()))
            await self._wait(_TICKS_BETWEEN_CHECKS_AFTER_END * self._settings.tick)
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
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)
        self._changed.clear()
        self._server.publish()

    async def _tend(self, phase: PhaseRecord) -> None:
        if self._runner.reap_shim() not in (None, 0, shim.BUSY):
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
        assessment = await asyncio.to_thread(
            judge.assess_attempt, self.plan.phase(phase.id), attempt.end, folder, self.state, self._masker
        )
        self.record(assessment)

    def _find_pod_stop(self) -> PodStop | None:
        """Return when and why the guard stops the pod, or None if it does not."""
        if not self._settings.guard:
            return None
        return self._pod_stop.find_stop(self.state, self._elapsed(), self._clock.mono())

    def _elapsed(self) -> float:
        return self.state.time.elapsed_at(self._clock.mono())

    # In the background

    async def _tick(self) -> None:
        """Sample the machine, warn, remind and give the guard its orders, at intervals."""
        gpus = await asyncio.to_thread(GpuReader)
        self._measured = await asyncio.to_thread(self._calibrate, gpus)
        while True:
            await asyncio.sleep(self._settings.tick)
            try:
                await self._sample_machine(gpus)
                self._warn()
                await self._remind()
                self._order_guard()
            except Exception:  # A failing driver or disk must not end the session.
                with contextlib.suppress(OSError):
                    traceback.print_exc()
            self._server.publish()

    def _calibrate(self, gpus: GpuReader) -> dict[str, MeasuredHours]:
        try:
            machine = calibration.machine_kind(gpus.read_names())
            return calibration.calibrate(self.plan, machine)
        except Exception:  # Damaged files of old sessions must not end this one.
            traceback.print_exc()
            return {}

    async def _sample_machine(self, gpus: GpuReader) -> None:
        phase = self.state.current
        attempt = phase.last if phase is not None and phase.is_running else None
        folder = self.folder.attempt(attempt.spec.phase, attempt.number) if attempt else None
        self._machine = await record_machine_sample(self.plan.artifacts, folder, gpus)
        self._check_disk(self._machine.disk_free, attempt)

    def _check_disk(self, free: int, attempt: AttemptRecord | None) -> None:
        """Keep the reserve allocated; stop an attempt before it fills the disk, while it can still save."""
        self._reserve.allocate(free)
        if attempt is None:
            return
        if self._disk.cookie != attempt.spec.cookie:
            self._disk = DiskWatch(self._settings.reserve, attempt.spec.cookie)
        progress = self._runner.report.progress
        fraction = progress.done / progress.total if progress and progress.total else None
        finding = self._disk.check(free, self._clock.mono(), fraction)
        phase = self.state.current
        if finding is None or phase is None or phase.status != "running" or phase.last is not attempt:
            return
        is_claimed = shim_control.is_claimed(self.folder.attempt(phase.id, attempt.number))
        self._record_new(build_disk_events(finding, attempt, is_claimed=is_claimed))

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
        if not self.plan.notify.urls:
            return
        session = self.snapshot()
        message = notify.build_notification(session)
        if self._reminders.take_due(session) and message is not None:
            problems = await asyncio.to_thread(
                notify.send_notification, self.plan.notify.urls, self._environment, message
            )
            self._record_new(events.NoticePosted(text=problem, key=problem) for problem in problems)

    def _order_guard(self, stand_down: bool = False) -> None:
        """Give the guard its orders and post its reports."""
        if not self._settings.guard:
            return
        orders = build_orders(
            self.plan,
            self.state,
            self.folder,
            self._find_pod_stop(),
            tick=self._settings.guard,
            stand_down=stand_down,
        )
        self._guard.give_orders(orders)
        self._record_new(
            events.NoticePosted(text=f"Guard: {text}", key=f"guard {number}")
            for number, text in enumerate(self._guard.read_reports(), 1)
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
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._attempt_ended.wait(), self.plan.pod.spent_every)
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
