"""The observer: samples the machine while the session runs, and watches the disk."""

import traceback
from collections.abc import Callable

from app.monitor.machine_sample import MachineSample
from app.monitor.pace import ProgressView
from app.plan.estimates import MeasuredHours
from app.plan.schema import Plan
from app.session import calibration
from app.session.attempt import shim_control
from app.session.clock import Clock
from app.session.engine.disk import DiskWatch, Reserve, build_disk_events
from app.session.engine.machine_sampler import MachineSampler
from app.session.engine.timed_calls import TimedCalls
from app.session.folder import RESERVE_FILE, SessionFolder
from app.session.journal.events import AnyEvent, NoticePosted, Parameter
from app.session.journal.state import AttemptRecord, State
from app.session.memory_prediction import predict_memory
from app.session.revised_plan import revise_plan
from app.timeouts import HangingError

_CALIBRATION_SECONDS = 60.0


class Observer:
    """Observes the machine. A driver or disk that hangs is reported, and delays nothing but this.

    Attributes:
        machine: the last sample, or None if the machine could not be observed.
        measured: hours of phases in earlier sessions on such a machine, by phase.
        predicted: predicted peak memory of phases on each GPU in bytes, by phase.
        reserve: the disk space that is kept for the journal.
    """

    def __init__(self, plan: Plan, folder: SessionFolder, clock: Clock, reserve: int) -> None:
        self.machine: MachineSample | None = None
        self.measured: dict[str, MeasuredHours] = {}
        self.predicted: dict[str, float] = {}
        self.reserve = Reserve(folder.path / RESERVE_FILE, reserve)
        self._plan = self._revised = plan
        self._changes: dict[str, dict[str, Parameter]] = {}
        self._folder = folder
        self._clock = clock
        self._disk = DiskWatch(reserve)
        self._sampler = MachineSampler(plan.artifacts)
        self._calibrator = TimedCalls("the records of earlier sessions", _CALIBRATION_SECONDS)
        self._is_calibrated = False
        self._has_prediction = False

    async def observe(
        self, read_state: Callable[[], State], read_progress: Callable[[], ProgressView | None]
    ) -> list[AnyEvent]:
        """Sample the machine; return what the operator must know, and the stop of an attempt without space.

        Args:
            read_state: returns the session at the moment, which may change while the machine is sampled.
            read_progress: returns the last progress of the running attempt.
        """
        try:
            self._follow_changes(read_state())
            if not self._is_calibrated:
                self._is_calibrated = True
                self.measured = await self._calibrate()
            attempt = _find_running(read_state())
            folder = self._folder.locate_attempt(attempt.spec.phase, attempt.number) if attempt else None
            self.machine = await self._sampler.sample(folder)
            if not self._has_prediction:
                self._has_prediction = True
                self.predicted = await self._predict(self.machine)
        except HangingError as error:
            self.machine = None
            text = f"The machine cannot be observed: {error}"
            return [NoticePosted(text=text, key=text)]
        return self._check_disk(self.machine.disk_free, attempt, read_state(), read_progress())

    def _follow_changes(self, state: State) -> None:
        """Measure and predict again after a gate has changed the parameters of later phases."""
        changes = {record.id: record.changes for record in state.phases if record.changes}
        if changes != self._changes:
            self._changes, self._revised = changes, revise_plan(self._plan, state)
            self._is_calibrated = self._has_prediction = False

    async def _predict(self, machine: MachineSample) -> dict[str, float]:
        try:
            return await self._calibrator.call(predict_memory, self._revised, machine.gpus)
        except HangingError:
            raise
        except Exception:  # A model's configuration is a file from elsewhere; it must not end this session.
            traceback.print_exc()
            return {}

    async def _calibrate(self) -> dict[str, MeasuredHours]:
        names = await self._sampler.read_gpu_names()
        try:
            return await self._calibrator.call(
                calibration.calibrate, self._revised, calibration.identify_machine_kind(names)
            )
        except Exception:  # Damaged files of old sessions must not end this one.
            traceback.print_exc()
            return {}

    def _check_disk(
        self, free: int, attempt: AttemptRecord | None, state: State, progress: ProgressView | None
    ) -> list[AnyEvent]:
        """Keep the reserve allocated; stop an attempt before it fills the disk, while it can still save."""
        self.reserve.allocate(free)
        if attempt is None:
            return []
        if self._disk.cookie != attempt.spec.cookie:
            self._disk = DiskWatch(self.reserve.size, attempt.spec.cookie)
        fraction = progress.done / progress.total if progress and progress.total else None
        finding = self._disk.check(free, self._clock.mono(), fraction)
        phase = state.current
        if finding is None or phase is None or phase.status != "running" or phase.last is not attempt:
            return []
        is_claimed = shim_control.is_claimed(self._folder.locate_attempt(phase.id, attempt.number))
        return build_disk_events(finding, attempt, is_claimed=is_claimed)


def _find_running(state: State) -> AttemptRecord | None:
    phase = state.current
    return phase.last if phase is not None and phase.is_running else None
