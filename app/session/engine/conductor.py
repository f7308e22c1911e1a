"""The conductor: a session's one background process, and the only writer of its journal.

It asks the state what is due, records it, and does it. Whatever it was doing when it died, its successor
reads the same journal and goes on: an attempt that runs is watched, an exit that was recorded is taken over,
and no attempt runs twice. `python -m app.session.engine.conductor FOLDER`.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec

from app.monitor import gpu as machine
from app.monitor.gpu import Gpus
from app.plan.schema import Plan
from app.session import calibration, notify, projection, registry, requests, status_text
from app.session.attempt import process, shim
from app.session.attempt import spec as attempts
from app.session.attempt.spec import Liveness
from app.session.clock import Clock, SystemClock
from app.session.engine import disk, provider_bill
from app.session.folder import BY_GUARD, ConductorRecord, SessionFolder, launch_command
from app.session.gate import judge as gates
from app.session.journal import events
from app.session.journal.events import AnyEvent, AttemptStarted
from app.session.journal.journal import Busy, Damaged, Journal, JournalError
from app.session.journal.state import Attempt, PhaseRecord, apply, parameter_changes, recover
from app.session.masking import Masker
from app.session.money import ledger
from app.session.pod import guard, pod
from app.session.requests import Answer, AnyRequest, Refused
from app.session.snapshot import SessionSnapshot
from phases.contract import files

_VIEWER_BACKLOG = 1 << 20
_LINGERING_TICKS = 5


class Conductor:
    """One session's conductor, from the opening of the journal to the session's end.

    Raises:
        JournalError: the journal cannot be continued, or another conductor has it.
    """

    def __init__(
        self, folder: Path, clock: Clock, environment: dict[str, str], *, by_guard: bool = False
    ) -> None:
        self.by_guard = by_guard
        self.folder = SessionFolder(folder)
        self.clock = clock
        self.environment = environment
        self.about = self.folder.read_about()
        self.settings = self.about.settings
        self.plan = Plan.model_validate_json(self.folder.plan.read_bytes())
        self.journal = Journal(self.folder.journal, clock)
        self.state, damage = recover(self.journal.replay)
        if damage:
            raise Damaged(damage)
        self.live = projection.Live()
        self._masker = Masker.of((*self.plan.session.secrets, *self.plan.notify.urls), environment)
        self._reserve = disk.Reserve(self.folder.path / "reserve", self.settings.reserve)
        self._disk = ("", disk.DiskWatch(self.settings.reserve))
        self._guard: subprocess.Popen[bytes] | None = None
        self._orders: dict[str, object] = {}
        self._reminders = notify.Reminders(clock, self.plan.notify.every)
        self._others_ran = 0.0  # until when another session ran here, by the monotonic clock
        self._liveness: tuple[str, Liveness] | None = None
        self._shim: subprocess.Popen[bytes] | None = None
        self._changed = asyncio.Event()
        self._phase_ended = asyncio.Event()
        self._viewers: set[asyncio.StreamWriter] = set()
        self._leaving = False

    def record(self, event: AnyEvent) -> None:
        """Write an event to the journal, then let it be true; what cannot follow is never written."""
        entry = self.journal.prepare(event)
        state = apply(self.state, entry)
        self.journal.write(entry)
        self.state = state
        self._changed.set()
        if isinstance(event, events.AttemptEnded):
            self._phase_ended.set()

    def snapshot(self) -> SessionSnapshot:
        """Return the session as it stands."""
        wall, mono, due = self.clock.wall(), self.clock.mono(), self._stop_due()
        live = msgspec.structs.replace(self.live, stops_at=round(wall + due[0] - mono) if due else None)
        return projection.snapshot(self.folder.path, self.plan, self.state, live, wall, mono)

    def elapsed(self) -> float:
        """Return the billed seconds until now."""
        return self.state.time.at(self.clock.mono())

    async def run(self) -> None:
        """Conduct the session until nothing is left to see to, or until told to leave it to a successor.

        After its end that is the pod, where the plan can stop it and nobody keeps it.
        """
        while not self._leaving:
            try:
                self._take_over()
                self._reserve.hold(
                    shutil.disk_usage(self.folder.path).free
                )  # before a phase can fill the disk
                break
            except OSError as error:
                await self._make_room(error)
        path = self.folder.socket()
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._serve, path, limit=requests.LONGEST_REQUEST)
        path.chmod(0o600)
        with contextlib.suppress(OSError):
            self._order_guard()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._leave)
        ticking = asyncio.gather(self._tick(), self._reconcile())
        try:
            while not (self._is_done() or self._leaving):
                try:
                    await self._step()
                except OSError as error:
                    await self._make_room(error)
            if not self._leaving:
                await self._remind()  # of the end, if that has not been told yet
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
            with contextlib.suppress(OSError):
                # A conductor that fails leaves the money guarded.
                self._order_guard(stand_down=self._leaving or self._is_done())
            self._show()
            self._reserve.free()
            path.unlink(missing_ok=True)
            server.close()
            for viewer in self._viewers:
                viewer.close()
            await asyncio.sleep(0)

    def _is_done(self) -> bool:
        """Say whether the session is over, and its pod no longer to be stopped."""
        return self.state.ended is not None and self._stop_due() is None

    def _leave(self) -> None:
        self._leaving = True
        self._changed.set()

    def _take_over(self) -> None:
        me = process.identify(os.getpid())
        assert me is not None
        self.folder.write_conductor(ConductorRecord(*me, str(self.folder.socket())))
        if self.state.started is None:
            self.record(
                events.SessionStarted(
                    id=self.about.id,
                    plan_sha256=self.about.plan_sha256,
                    profile=self.about.profile,
                    seed=self.plan.session.seed,
                    phases=[phase.id for phase in self.plan.phases],
                    approved=self.about.approved,
                    usd_per_hour=self.plan.pod.usd_per_hour,
                    budget_usd=self.plan.session.budget_usd,
                )
            )
        incarnation, age = pod.incarnation(self.environment)
        self.record(
            events.ConductorStarted(pid=os.getpid(), machine=incarnation, pod_age=age, by_guard=self.by_guard)
        )
        if self.journal.torn:
            note = f"The journal's last line was torn; what was there of it is in {self.journal.torn.name}"
            self.record(events.Noticed(text=note))

    async def _make_room(self, error: OSError) -> None:
        """On a full disk give the reserve back and try again in a moment; the journal is as it was."""
        if error.errno not in disk.FULL:
            raise error
        if not self._would_be_eaten():
            self._reserve.free()
        await asyncio.sleep(self.settings.poll)

    def _would_be_eaten(self) -> bool:
        """Say whether a phase that runs, or waits for room to start, would take the reserve at once."""
        phase = self.state.current
        if phase is None or phase.standing not in ("running", "stopping"):
            return False
        folder = self.folder.attempt(phase.id, phase.at)
        return not attempts.is_claimed(folder) or attempts.has_shim(folder)

    # What is due

    async def _step(self) -> None:
        """Do the one thing that is due, or wait a moment."""
        phase = self.state.current
        asked = self.state.stop_asked
        if self.state.ended is not None:
            self._linger()
            await self._wait(_LINGERING_TICKS * self.settings.tick)
        elif phase is None:
            reason = asked.reason if asked else ""
            self.record(events.SessionEnded(finished=asked is None, reason=reason))
        elif phase.standing in ("running", "stopping"):
            await self._tend(phase)
        elif phase.standing == "ended":
            await self._judge(phase)
        elif asked:
            self.record(events.SessionEnded(finished=False, reason=asked.reason))
        elif phase.standing == "waiting":
            self._start(phase)
        else:
            await self._wait(self.settings.tick)

    def _linger(self) -> None:
        """After the end: the pod goes on, and its stop waits for the operator or another session."""
        if "over" not in self.state.said and (due := self._stop_due()):
            left = status_text.duration(round(due[0] - self.clock.mono()))
            text = f"The session is over and the pod goes on: it is stopped in {left} unless `gonogo keep`"
            self.record(events.Noticed(text=text, key="over"))
        other = registry.running_elsewhere(self.folder.path)
        if other is None:
            return
        if Plan.model_validate_json(SessionFolder(other).plan.read_bytes()).pod.stop_command:
            self.record(events.PodKept(by=f"session {other.name}"))  # which sees to it at its own end
        else:
            self._others_ran = self.clock.mono()

    def _stop_due(self) -> tuple[float, str] | None:
        """Return when the guard is to stop the pod, and why; None for not at all."""
        due = ledger.stop_due(self.plan, self.state, self.elapsed(), self.clock.mono())
        if due is None or not self.settings.guard:
            return None
        if self.state.ended is None or not self._others_ran:
            return due
        return max(due[0], self._others_ran + self.plan.unattended.stop_after), due[1]

    async def _wait(self, seconds: float) -> None:
        """Wait until something was recorded, or for that long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)
        self._changed.clear()
        self._show()

    def _start(self, phase: PhaseRecord) -> None:
        elapsed = self.elapsed()
        needs = ledger.over_budget(self.plan, phase, elapsed)
        if needs is not None:
            left = ledger.left_usd(self.plan, elapsed)
            number = len(phase.attempts) + 1
            self.record(events.OverBudget(phase=phase.id, attempt=number, left_usd=left, needs_usd=needs))
            return
        seconds = ledger.attempt_seconds(self.plan, phase, elapsed)
        parameters, batch = gates.next_parameters(self.plan.phase(phase.id), phase)
        changed = parameter_changes(phase.last.spec.parameters, parameters) if phase.last else {}
        self.record(
            AttemptStarted(
                phase=phase.id,
                attempt=len(phase.attempts) + 1,
                parameters=parameters,
                cookie=secrets.token_hex(16),
                deadline=None if seconds is None else self.clock.mono() + seconds,
                batch=batch,
                changed=changed,
            )
        )

    async def _tend(self, phase: PhaseRecord) -> None:
        """Look after the running attempt: see that it has a shim, that it stops when asked, and its exit."""
        attempt = phase.last
        assert attempt is not None
        folder = self.folder.attempt(phase.id, attempt.number)
        if self._shim is not None and self._shim.poll() is not None:
            if self._shim.returncode not in (0, shim.BUSY):
                await self._wait(self.settings.tick)  # it could not start, as on a full disk
            self._shim = None
        try:
            exit_record = attempts.read_exit(folder)
        except ValueError:
            exit_record = attempts.unreadable_exit(attempt.started, self.clock.wall())
        if exit_record is not None:
            self.record(attempts.ended(attempt.spec, exit_record, stalled=phase.stop_stalled))
            if exit_record.survivors:
                left = ", ".join(map(str, exit_record.survivors))
                self.record(events.Noticed(text=f"after {phase.id} ended, PID {left} could not be killed"))
            # Who was there before the attempt, such as a monitor of the machine, is nothing that it left.
            if holders := process.gpu_holders(younger=self.clock.wall() - exit_record.started):
                held = ", ".join(map(str, holders))
                self.record(
                    events.Noticed(text=f"after {phase.id} ended, the GPU is still held by PID {held}")
                )
            return
        if self._shim is None and not attempts.has_shim(folder):
            self._start_shim(attempt, folder)
        if self.state.stop_asked and phase.standing == "running":
            asked = self.state.stop_asked
            self.record(
                events.StopAsked(phase=phase.id, attempt=attempt.number, by=asked.by, reason=asked.reason)
            )
        elif phase.standing == "stopping":
            attempts.stop_shim(folder)
        self._listen(phase, attempt, folder)
        await self._wait(self.settings.poll)

    def _start_shim(self, attempt: Attempt, folder: Path) -> None:
        environment = attempts.environment(
            self.plan, attempt.spec, session=self.folder.path, folder=folder, given=self.environment
        )
        spec = attempts.write_spec(
            self.plan, attempt.spec, folder=folder, environment=environment, grace=self.settings.grace
        )
        self._shim = attempts.start_shim(spec, environment)

    def _listen(self, phase: PhaseRecord, attempt: Attempt, folder: Path) -> None:
        if self._liveness is None or self._liveness[0] != attempt.spec.cookie:
            self._liveness = (attempt.spec.cookie, Liveness(folder, self.clock, self._masker.data))
        liveness = self._liveness[1]
        liveness.look()
        of = self.plan.phase(phase.id)
        stalled = liveness.silence > of.stall_after
        self.live = msgspec.structs.replace(self.live, progress=liveness.progress, stalled=stalled)
        ends = of.stall_action == "stop" and liveness.witnessed_silence > of.stall_after
        if ends and phase.standing == "running" and self.state.stop_asked is None:
            reason = f"it reported nothing for {status_text.duration(of.stall_after)}"
            self.record(
                events.StopAsked(
                    phase=phase.id, attempt=attempt.number, by="gonogo", reason=reason, stalled=True
                )
            )

    async def _judge(self, phase: PhaseRecord) -> None:
        attempt = phase.last
        assert attempt is not None
        assert attempt.end is not None
        folder = self.folder.attempt(phase.id, attempt.number)
        judged = await asyncio.to_thread(
            gates.judge, self.plan.phase(phase.id), attempt.end, folder, self.state, self._masker
        )
        self.record(judged)

    # Viewers

    async def _tick(self) -> None:
        gpus = await asyncio.to_thread(Gpus)
        measured = await asyncio.to_thread(self._calibrate, gpus)
        self.live = msgspec.structs.replace(self.live, measured=measured)
        while True:
            await asyncio.sleep(self.settings.tick)
            try:
                await self._measure(gpus)
                await self._warn()
                self._order_guard()
            except Exception:  # whatever a driver or a disk does, the session and its viewers go on
                with contextlib.suppress(OSError):
                    traceback.print_exc()
            self._show()

    def _calibrate(self, gpus: Gpus) -> dict[str, calibration.Measured]:
        try:
            machine_here = calibration.kind_of_machine(gpu.name for gpu in gpus())
            return calibration.calibrate(self.plan, machine_here)
        except Exception:  # whatever lies in old sessions, this one goes on
            traceback.print_exc()
            return {}

    async def _warn(self) -> None:
        """Tell of what is spent, and of what waits for the operator."""
        for key, text in ledger.warnings(self.plan, self.elapsed()).items():
            if key not in self.state.said and self.state.ended is None:
                self.record(events.Noticed(text=text, key=key))
        current = self.snapshot().current
        left, progress = (current.remaining, current.progress) if current else (None, None)
        for key, text in ledger.slow(self.plan, self.state, self.elapsed(), left, progress).items():
            if key not in self.state.said and self.state.ended is None:
                self.record(events.Noticed(text=text, key=key))
        await self._remind()

    async def _remind(self) -> None:
        """Tell of a gate that waits and of the session's end: at once, then at intervals."""
        if not self.plan.notify.urls:
            return
        session = self.snapshot()
        message = notify.message(session)
        if self._reminders.due(session) and message is not None:
            problems = await asyncio.to_thread(notify.send, self.plan.notify.urls, self.environment, message)
            for problem in problems:
                if problem not in self.state.said:
                    self.record(events.Noticed(text=problem, key=problem))

    async def _reconcile(self) -> None:
        """Ask the provider what the pod has cost: now, at intervals, and after each phase."""
        pod = self.plan.pod
        failing = False
        while pod.spent_command:
            try:
                usd = await provider_bill.ask(pod.spent_command, self.environment, mask=self._masker.text)
                failing = False
                self._compare(usd)
            except provider_bill.Unclear as unclear:
                text = f"pod.spent_command {unclear}"
                if not failing and text not in self.state.said and self.state.ended is None:
                    self.record(events.Noticed(text=text, key=text))
                failing = True
            except OSError:  # a full disk: the next figure will do
                traceback.print_exc()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._phase_ended.wait(), pod.spent_every)
            self._phase_ended.clear()

    def _compare(self, provider: float) -> None:
        """Record the provider's figure, and tell when it begins to differ from ours."""
        if self.state.ended is not None:
            return
        before = self.state.provider
        ours = self.elapsed() / 3600 * self.plan.pod.usd_per_hour
        self.record(events.Reconciled(usd=provider, ours_usd=ours))
        if provider_bill.differs(provider, ours) and not (
            before and provider_bill.differs(before.usd, before.ours_usd)
        ):
            text = f"The provider says that the pod has cost ${provider:.2f}; by our ledger it is ${ours:.2f}"
            self.record(events.Noticed(text=text))

    def _watch_disk(self, free: int, attempt: Attempt | None) -> None:
        """Hold the reserve; stop an attempt while it can still save, before the disk is full."""
        self._reserve.hold(free)
        if attempt is None:
            self._disk = ("", disk.DiskWatch(self.settings.reserve))
            return
        if self._disk[0] != attempt.spec.cookie:
            self._disk = (attempt.spec.cookie, disk.DiskWatch(self.settings.reserve))
        progress = self.live.progress
        fraction = progress.done / progress.total if progress and progress.total else None
        text, stop = self._disk[1].look(free, self.clock.mono(), fraction)
        phase = self.state.current
        if phase is None or phase.standing != "running" or phase.last is not attempt:
            return
        # What waits for room to start has nothing to save.
        stop = stop and attempts.is_claimed(self.folder.attempt(phase.id, attempt.number))
        key = disk.stop_key(attempt.spec.cookie) if stop else f"disk {attempt.spec.cookie}"
        if text and key not in self.state.said:
            self.record(events.Noticed(text=f"{phase.id}: {text}", key=key))
        if stop:
            self.record(events.StopAsked(phase=phase.id, attempt=attempt.number, by="gonogo", reason=text))

    def _order_guard(self, stand_down: bool = False) -> None:
        """Tell the guard when to stop the pod, see that there is one, and pass on what it did."""
        if not self.settings.guard:
            return
        phase = self.state.current
        due = self._stop_due()
        running = phase is not None and phase.last is not None and phase.standing in ("running", "stopping")
        orders = {
            "stand_down": stand_down,
            "tick": self.settings.guard,
            "boot_id": process.boot_id(),
            "due": round(due[0]) if due else None,
            "why": due[1] if due else "",
            "attempt": str(self.folder.attempt(phase.id, phase.at)) if phase and running else None,
            "commands": [self.plan.pod.stop_command, *self.plan.pod.stop_fallbacks] if due else [],
            "confirm": self.plan.pod.stopped_command,
            "bundle": [sys.executable, "-P", "-m", "app.cli", "bundle", "--session", str(self.folder.path)],
            "bundle_takes": self.plan.unattended.landing,
            "conductor": [*launch_command(self.folder.path), BY_GUARD],
        }
        if orders != self._orders:
            files.write_json(self.folder.path / guard.ORDERS, orders)
            self._orders = orders
        if self._guard is not None and self._guard.poll() is not None:
            self._guard = None
        if not stand_down and self._guard is None and not guard.is_running(self.folder.path / guard.ITSELF):
            argv = [sys.executable, "-P", "-m", "app.session.pod.guard", str(self.folder.path)]
            self._guard = subprocess.Popen(
                argv, env=self.environment, cwd="/", stdin=subprocess.DEVNULL, start_new_session=True
            )
        for number, text in enumerate(self._told_by_guard(), 1):
            key = f"guard {number}"
            if key not in self.state.said:
                self.record(events.Noticed(text=f"Guard: {text}", key=key))

    def _told_by_guard(self) -> list[str]:
        try:
            return [str(row.get("text", "")) for row in files.read_rows(self.folder.path / guard.TOLD)]
        except (OSError, ValueError):
            return []

    async def _measure(self, gpus: Gpus) -> None:
        """Sample the machine, in a thread, since drivers hang; into the running attempt's folder too."""
        phase = self.state.current
        runs = phase is not None and phase.standing in ("running", "stopping")
        attempt = phase.last if phase is not None and runs else None
        folder = self.folder.attempt(attempt.spec.phase, attempt.number) if attempt else None
        pid = attempts.phase_pid(folder) if folder else None
        measured = await asyncio.to_thread(machine.sample, self.plan.artifacts, pid, gpus=gpus)
        self.live = msgspec.structs.replace(self.live, machine=measured)
        self._watch_disk(measured.disk_free, attempt)
        if folder is not None and folder.exists():
            with contextlib.suppress(OSError):
                attempts.append_line(folder / "machine.jsonl", msgspec.json.encode(measured))

    def _show(self) -> None:
        """Send the session to those who watch; one who does not keep up misses some."""
        if not self._viewers:
            return
        line = msgspec.json.encode(Answer(snapshot=self.snapshot())) + b"\n"
        for viewer in self._viewers:
            if viewer.transport.get_write_buffer_size() < _VIEWER_BACKLOG:
                viewer.write(line)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if _peer_uid(writer) not in (os.getuid(), 0):
                return
            while line := await reader.readline():
                answer = self._answer(line, writer)
                writer.write(msgspec.json.encode(answer) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):  # ValueError: a line that is longer than any request
            pass
        finally:
            self._viewers.discard(writer)
            writer.close()

    def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> Answer:
        try:
            request = msgspec.json.decode(line, type=AnyRequest)
            self._do(request, writer)
        except (msgspec.MsgspecError, RecursionError) as error:
            return Answer(refused=f"not a request: {error}")
        except Refused as refused:
            return Answer(refused=str(refused))
        except OSError as error:
            return Answer(refused=f"it could not be recorded, please try again: {error}")
        return Answer(snapshot=self.snapshot())

    def _do(self, request: AnyRequest, writer: asyncio.StreamWriter) -> None:
        anytime = requests.Look | requests.Subscribe | requests.KeepPod
        if self.state.ended is not None and not isinstance(request, anytime):
            raise Refused("the session is over")
        match request:
            case requests.Look():
                pass
            case requests.Subscribe():
                self._viewers.add(writer)
            case requests.Decide():
                self.record(gates.decide(self.plan, self.state, request))
            case requests.StopPhase(by=by):
                self._stop_phase(by)
            case requests.StopSession(by=by):
                if self.state.stop_asked is None:
                    self.record(events.SessionStopAsked(by=by))
            case requests.Hold(on=on, by=by):
                if self.state.hold != on:
                    self.record(events.HoldSet(on=on, by=by))
            case requests.KeepPod(by=by):
                self._keep_pod(by)

    def _stop_phase(self, by: str) -> None:
        phase = self.state.current
        if phase is None or phase.last is None or phase.standing not in ("running", "stopping"):
            raise Refused("no phase is running")
        if phase.standing == "running":
            self.record(events.StopAsked(phase=phase.id, attempt=phase.last.number, by=by))

    def _keep_pod(self, by: str) -> None:
        if self.state.ended is None:
            raise Refused("the session is not over; `gonogo decide` answers an open gate")
        if self._is_done():
            raise Refused("nothing is about to stop the pod")
        self.record(events.PodKept(by=by))


def _peer_uid(writer: asyncio.StreamWriter) -> int:
    peer: socket.socket = writer.get_extra_info("socket")
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


def _detach() -> None:
    """Leave the starter's process: init becomes the parent, and no terminal can be acquired again."""
    if os.fork():
        os._exit(0)


def main(folder: Path, detach: Callable[[], None] = _detach, *, by_guard: bool = False) -> int:
    """Conduct the session in a folder, in the background."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    detach()
    # What an attempt around us was told is not for ours.
    given = os.environ.items()
    environment = {k: v for k, v in given if k in attempts.PASSED or not k.startswith("GONOGO_")}
    try:
        asyncio.run(Conductor(folder, SystemClock(), environment, by_guard=by_guard).run())
    except Busy:
        return 0  # the session has a conductor, which is all that was wanted
    except JournalError as error:
        print(error, file=sys.stderr)  # noqa: T201 - into conductor.log
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), by_guard=BY_GUARD in sys.argv[2:]))
