"""Run the current attempt: start its shim, follow its progress, stop it, and take over its exit."""

import contextlib
import errno
import signal
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from app.monitor.gpu_holders import NVIDIA_DEVICE, find_gpu_holders
from app.monitor.log_metrics import describe_unmatched
from app.monitor.pace import ProgressView
from app.monitor.tails import Mask
from app.plan.schema import Plan
from app.session.attempt import exit_record, process, shim, shim_control, spec
from app.session.attempt.launch_list import LaunchList
from app.session.attempt.liveness import Liveness
from app.session.clock import Clock
from app.session.folder import SessionFolder
from app.session.journal import events
from app.session.journal.events import AnyEvent
from app.session.journal.state import AttemptRecord, PhaseRecord
from app.timeouts import HangingError, call_within
from app.units import format_duration

_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
_UNREADABLE_SECONDS = 60.0
_MAX_SHIM_FAILURES = 3
_HOLDERS_SECONDS = 5.0


class AttemptReport(NamedTuple):
    """The last progress and values of the running attempt, and whether it has been silent for too long."""

    progress: ProgressView | None = None
    stalled: bool = False
    values: Mapping[str, float | None] = {}


class AttemptRunner:
    """Runs the attempts of a session, one at a time; its methods return the events to record."""

    def __init__(
        self,
        plan: Plan,
        folder: SessionFolder,
        clock: Clock,
        *,
        environment: Mapping[str, str],
        grace: float,
        mask: Mask,
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._clock = clock
        self._environment = environment
        self._grace = grace
        self._mask = mask
        self._launched = LaunchList(folder.path / "launched")
        self._shim: subprocess.Popen[bytes] | None = None
        self._shim_identity: process.ProcessIdentity | None = None
        self._shim_failures = 0
        self._unreadable_since: float | None = None
        self._lost_stop_at: float | None = None
        self._liveness: Liveness | None = None
        self._followed_cookie = ""
        self.report = AttemptReport()

    def has_shim_failed(self) -> bool:
        """Return whether a shim has exited since the last call without having done its work."""
        if self._shim is None or self._shim.poll() is None:
            return False
        code = self._shim.returncode
        self._shim = None
        if code == shim.CANNOT_RECORD:
            self._shim_failures += 1
        return code not in (0, shim.BUSY)

    def tend(self, phase: PhaseRecord, stop_request: events.SessionStopRequested | None) -> list[AnyEvent]:
        """Do what the running attempt of a phase needs now; return the events that follow from it.

        Args:
            phase: the phase, which is running or stopping.
            stop_request: the request to end the session, if there is one.
        """
        attempt = phase.last
        assert attempt is not None
        folder = self._folder.locate_attempt(phase.id, attempt.number)
        try:
            record = exit_record.read_exit(folder, attempt.spec.cookie)
        except (OSError, ValueError) as error:
            return self._tend_unreadable(phase, attempt, folder, error, stop_request)
        self._unreadable_since = None
        if record is not None:
            return self._take_over_exit(phase, attempt, record)
        has_shim = self._shim is not None or shim_control.has_shim(folder)
        if attempt.spec.cookie in self._launched and (
            _is_deleted(folder) or (not has_shim and self._runs_unclaimed(attempt, folder))
        ):
            return self._tend_deleted(phase, attempt, stop_request)
        if not has_shim and self._shim_failures >= _MAX_SHIM_FAILURES:
            return self._give_up_shim(phase, attempt)
        if not has_shim:
            self._start_shim(attempt)
        self._follow(attempt)
        return self._tend_running(phase, attempt, folder, stop_request)

    def _runs_unclaimed(self, attempt: AttemptRecord, folder: Path) -> bool:
        """Return whether the claim of a running attempt was deleted: another shim would run it again."""
        return not shim_control.is_claimed(folder) and bool(
            process.find_attempt_processes(attempt.spec.cookie)
        )

    def _tend_running(
        self,
        phase: PhaseRecord,
        attempt: AttemptRecord,
        folder: Path,
        stop_request: events.SessionStopRequested | None,
    ) -> list[AnyEvent]:
        shim_control.wake_shim(folder)
        notices = self._build_log_notices(attempt)
        if phase.status == "stopping":
            shim_control.stop_shim(folder)
            return notices
        if stop_request is not None:
            return [
                *notices,
                events.AttemptStopRequested(
                    phase=phase.id, attempt=attempt.number, by=stop_request.by, reason=stop_request.reason
                ),
            ]
        return [*notices, *self._stop_if_stalled(phase, attempt)]

    def would_use_reserve(self, phase: PhaseRecord) -> bool:
        """Return whether the attempt runs or waits for space to start, and so would fill the freed space."""
        folder = self._folder.locate_attempt(phase.id, phase.attempt_number)
        return not shim_control.is_claimed(folder) or shim_control.has_shim(folder)

    def stop_without_folder(self, phase: PhaseRecord | None) -> None:
        """Ask the running attempt of a phase to end, although the session's folder is gone."""
        if phase is None or not phase.is_running or phase.last is None:
            return
        cookie, shim_identity = phase.last.spec.cookie, self._shim_identity
        if shim_identity is not None and self._followed_cookie == cookie:
            process.signal_identity(shim_identity, signal.SIGTERM)
            return
        # The folder may disappear before the record of the shim is read.
        for each in process.find_attempt_processes(cookie).values():
            process.send_signal(each, signal.SIGTERM)

    def _tend_unreadable(
        self,
        phase: PhaseRecord,
        attempt: AttemptRecord,
        folder: Path,
        error: OSError | ValueError,
        stop_request: events.SessionStopRequested | None,
    ) -> list[AnyEvent]:
        """Tend an attempt whose exit cannot be read, or is not its own, until its processes are gone."""
        now = self._clock.mono()
        if self._unreadable_since is None:
            self._unreadable_since = now
        text = f"It is not known whether {phase.id} has ended, because {error}. It counts as running"
        new_events: list[AnyEvent] = [events.NoticePosted(text=text, key=f"unreadable {attempt.spec.cookie}")]
        if self._may_become_readable(error, now) or process.find_attempt_processes(attempt.spec.cookie):
            with contextlib.suppress(OSError):  # The attempt's other files may be unreadable as well.
                self._follow(attempt)
                new_events += self._tend_running(phase, attempt, folder, stop_request)
            return new_events
        return [*new_events, self._end_without_exit(attempt, f"its exit cannot be read: {error}")]

    def _may_become_readable(self, error: OSError | ValueError, now: float) -> bool:
        if isinstance(error, ValueError) or self._unreadable_since is None:
            return False
        return error.errno in _NO_DESCRIPTORS or now - self._unreadable_since < _UNREADABLE_SECONDS

    def _tend_deleted(
        self,
        phase: PhaseRecord,
        attempt: AttemptRecord,
        stop_request: events.SessionStopRequested | None,
    ) -> list[AnyEvent]:
        """Wait for the end of an attempt whose folder was deleted; it never runs again."""
        processes = process.find_attempt_processes(attempt.spec.cookie)
        if not processes:
            return [self._end_without_exit(attempt, "its folder was deleted, with its exit and result")]
        if phase.status == "stopping" or stop_request is not None:
            self._end_deleted(processes.values())
        text = (
            f"The folder of {phase.id}, attempt {attempt.number}, was deleted while it runs. "
            "Its exit and result will be lost; a gate opens when it ends"
        )
        return [events.NoticePosted(text=text, key=f"deleted {attempt.spec.cookie}")]

    def _end_deleted(self, processes: Iterable[process.ProcessStat]) -> None:
        """Send TERM once, and KILL after the grace period."""
        now = self._clock.mono()
        if self._lost_stop_at is None:
            self._lost_stop_at = now
            for each in processes:
                process.send_signal(each, signal.SIGTERM)
        elif now - self._lost_stop_at > self._grace:
            for each in processes:
                process.send_signal(each, signal.SIGKILL)

    def _give_up_shim(self, phase: PhaseRecord, attempt: AttemptRecord) -> list[AnyEvent]:
        """End an attempt whose exit no shim can record, once none of its processes is left."""
        folder = self._folder.locate_attempt(phase.id, attempt.number)
        if process.find_attempt_processes(attempt.spec.cookie):
            text = f"The exit of {phase.id} cannot be recorded in {folder}; a gate opens when it ends"
            return [events.NoticePosted(text=text, key=f"unrecorded {attempt.spec.cookie}")]
        self._shim_failures = 0
        return [
            self._end_without_exit(attempt, f"its exit could not be recorded: {folder} cannot be written")
        ]

    def _end_without_exit(self, attempt: AttemptRecord, reason: str) -> AnyEvent:
        record = exit_record.replace_unreadable_exit(attempt.started, self._clock.wall(), reason)
        return exit_record.build_end_event(attempt.spec, record)

    def _take_over_exit(
        self, phase: PhaseRecord, attempt: AttemptRecord, record: exit_record.ExitRecord
    ) -> list[AnyEvent]:
        new_events: list[AnyEvent] = [
            exit_record.build_end_event(attempt.spec, record, stalled=phase.stop_stalled)
        ]
        if record.survivors:
            pids = ", ".join(map(str, record.survivors))
            text = f"PID {pids} could not be killed after {phase.id} ended"
            new_events.append(events.NoticePosted(text=text))
        # A process that is older than the attempt, such as a GPU monitor, is not left over from it.
        seconds = self._clock.wall() - record.started
        holders: list[int] = []
        with contextlib.suppress(HangingError):
            # Reading the maps of a process that is stuck in its driver can hang.
            holders = call_within(_HOLDERS_SECONDS, "the driver", lambda: find_recent_holders(seconds))
        if holders:
            pids = ", ".join(map(str, holders))
            text = f"{phase.id} ended, but processes that started during it hold GPU memory: PID {pids}"
            new_events.append(events.NoticePosted(text=text))
        return new_events

    def _start_shim(self, attempt: AttemptRecord) -> None:
        folder = self._folder.locate_attempt(attempt.spec.phase, attempt.number)
        environment = spec.build_environment(
            self._plan,
            attempt.spec,
            session=self._folder.path,
            folder=folder,
            environment=self._environment,
            grace=self._grace,
        )
        path = spec.write_spec(
            self._plan, attempt.spec, folder=folder, environment=environment, grace=self._grace
        )
        self._launched.add(attempt.spec.cookie)
        self._shim = shim_control.start_shim(path, environment)

    def _follow(self, attempt: AttemptRecord) -> None:
        if self._liveness is None or self._followed_cookie != attempt.spec.cookie:
            folder = self._folder.locate_attempt(attempt.spec.phase, attempt.number)
            log_format = self._plan.find_phase(attempt.spec.phase).log_format
            self._liveness = Liveness(folder, self._clock, self._mask, log_format)
            self._followed_cookie = attempt.spec.cookie
            self._shim_failures, self._lost_stop_at = 0, None
            self._shim_identity = None
        if self._shim_identity is None:
            self._shim_identity = process.read_identity(
                self._folder.locate_attempt(attempt.spec.phase, attempt.number) / "shim.json"
            )
        self._liveness.poll()
        stall_after = self._plan.find_phase(attempt.spec.phase).stall_after
        self.report = AttemptReport(
            self._liveness.progress, self._liveness.silence > stall_after, self._liveness.values
        )

    def _build_log_notices(self, attempt: AttemptRecord) -> list[AnyEvent]:
        """Return notices of values that are not finite, and of patterns that do not work on this log."""
        assert self._liveness is not None
        phase, cookie = self._plan.find_phase(attempt.spec.phase), attempt.spec.cookie
        texts = {
            f"not finite {finding.name} {cookie}": finding.describe()
            for finding in self._liveness.find_not_finite()
        }
        for name in self._liveness.find_slow_patterns():
            texts[f"slow pattern {name} {cookie}"] = (
                f"the pattern of {name} was switched off: it takes too long on this log; simplify it"
            )
        for name in self._liveness.find_unmatched():
            texts[f"unmatched {name} {cookie}"] = describe_unmatched(name)
        return [
            events.NoticePosted(
                text=self._mask(f"{phase.title}: {text}".encode()).decode(errors="replace"), key=key
            )
            for key, text in texts.items()
        ]

    def _stop_if_stalled(self, phase: PhaseRecord, attempt: AttemptRecord) -> list[AnyEvent]:
        planned = self._plan.find_phase(phase.id)
        if planned.stall_action != "stop" or self._liveness is None:
            return []
        if self._liveness.observed_silence <= planned.stall_after:
            return []
        reason = f"it reported nothing for {format_duration(planned.stall_after)}"
        return [
            events.AttemptStopRequested(
                phase=phase.id, attempt=attempt.number, by="gonogo", reason=reason, stalled=True
            )
        ]


def _is_deleted(folder: Path) -> bool:
    """Return whether the files of an attempt that was started are missing."""
    try:
        (folder / "spec.json").stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def find_recent_holders(max_age: float, device: str = NVIDIA_DEVICE) -> list[int]:
    """Return the PIDs of the processes that hold a GPU and started at most `max_age` seconds ago."""
    since = process.read_seconds_since_boot() - max_age
    holders = []
    for pid in find_gpu_holders(device):
        holder = process.find_process(pid)
        if holder is not None and process.start_seconds(holder) >= since:
            holders.append(pid)
    return holders
