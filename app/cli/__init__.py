"""The `gonogo` command."""

import argparse
import gc
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.plan.schema import Plan

PLAN = "session_plan.toml"
BAD_INPUT = 2
DETACHED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    options = _parser().parse_args(argv)
    from app.session.registry import SessionError
    from app.session.requests import Refused

    try:
        act: Callable[[argparse.Namespace], int] = options.act
        return act(options)
    except (SessionError, Refused) as error:
        return _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("\nThe session goes on in the background: `gonogo attach` shows it, `gonogo stop` ends it.")
        return DETACHED


def _fail(message: str) -> int:
    print(f"gonogo: {message}", file=sys.stderr)
    return BAD_INPUT


# The command line


class _Commands:
    """The subcommands of a parser as they are added."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(self, name: str, act: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        """Add a command."""
        added = self._commands.add_parser(name, help=text, description=text)
        added.set_defaults(act=act)
        return added

    def on_session(
        self, name: str, act: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        """Add a command that acts on a session."""
        added = self.add(name, act, text)
        added.add_argument(
            "--session", metavar="ID", help="its id or folder (default: the newest unfinished one)"
        )
        return added


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gonogo", description="Runs a post-training session: phases, gates, decisions, and the bill."
    )
    commands = _Commands(parser)
    _add_starting(commands)
    _add_before(commands)
    _add_during(commands)
    _add_after(commands)
    return parser


def _add_starting(commands: _Commands) -> None:
    run = commands.add("run", _run, "start a session, or rejoin the unfinished one")
    _run_options(run)
    run.add_argument("--profile", help="the plan's profile to lay over it")
    _run_options(commands.add("rehearse", _rehearse, "run the plan's rehearsal profile"))
    again = commands.add(
        "reproduce", _reproduce, "start a session again from its record; say first what differs"
    )
    again.add_argument("session", metavar="SESSION", help="its id or folder, also in an unpacked bundle")
    _start_options(again)


def _add_before(commands: _Commands) -> None:
    _check_options(
        commands.add("check", _check, "validate a plan; show its phases, estimates, memory and totals")
    )
    _init_options(commands.add("init", _init, "write a plan for a folder of scripts"))
    _plan_options(
        commands.add("preflight", _preflight, "find now what would fail later; sends a notification")
    )
    _plan_and_profile(commands.add("drill", _drill, "see that the pod would be stopped when nobody answers"))


def _add_during(commands: _Commands) -> None:
    attach = commands.on_session("attach", _attach, "show a session that runs")
    attach.add_argument("--read-only", action="store_true", help="look, but do not touch")
    attach.add_argument("--headless", action="store_true", help="plain lines instead of the screen")
    _serve_options(
        commands.on_session("serve", _serve, "show a session in a browser, on this machine's loopback")
    )
    commands.add("keys", _keys, "print the screens' keys as a file to change")
    commands.on_session("status", _status, "say how a session stands").add_argument(
        "--json", action="store_true", help="as JSON"
    )
    decide = commands.on_session("decide", _decide, "decide the open gate")
    kinds = ("go", "retry", "batch", "skip", "stop")
    decide.add_argument("kind", choices=kinds, metavar="|".join(kinds))
    retry = commands.on_session("retry", _decide, "decide the open gate: the phase again")
    retry.set_defaults(kind="retry")
    for deciding in (decide, retry):
        _decide_options(deciding)
    stop = commands.on_session("stop", _stop, "end the running phase and the session")
    stop.add_argument("--phase", action="store_true", help="end the running phase only; its gate opens")
    hold = commands.on_session("hold", _hold, "open a gate after the current phase, whatever it finds")
    hold.add_argument("--off", action="store_true", help="no longer")
    commands.on_session("keep", _keep, "keep the pod: do not stop it after the session's end")
    log = commands.on_session("log", _log, "print the log of the newest attempt")
    log.add_argument("-f", "--follow", action="store_true", help="go on as it grows")
    log.add_argument("--phase", help="the phase (default: the one that ran last)")


def _add_after(commands: _Commands) -> None:
    report = commands.on_session("report", _report, "write what there is to read of a session")
    report.add_argument("--output", type=Path, metavar="FOLDER", help="(default: beside the outputs)")
    bundle = commands.on_session("bundle", _bundle, "pack what is to be carried home")
    bundle.add_argument("--output", type=Path, metavar="FILE", help="(default: bundles/ beside the outputs)")
    bundle.add_argument("--list", action="store_true", help="show what would be packed, and write nothing")
    verify = commands.add("verify", _verify, "check every byte of a bundle")
    verify.add_argument("bundle", type=Path, metavar="BUNDLE", help="the bundle, or its unpacked folder")
    verify.add_argument("--unpack", type=Path, metavar="FOLDER", help="and unpack it there")
    finish = commands.on_session(
        "finish", _finish, "write a session's results into your own repository, as a diff"
    )
    _finish_options(finish)
    commands.add("sessions", _sessions, "list the sessions that are known here")


def _plan_and_profile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", nargs="?", type=Path, metavar="PLAN", help=f"(default: ./{PLAN})")
    parser.add_argument("--profile", help="the plan's profile to lay over it")


def _serve_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8000, help="(default: 8000)")
    parser.add_argument("--decide", action="store_true", help="who opens the page may decide and stop, too")


def _plan_options(parser: argparse.ArgumentParser) -> None:
    _plan_and_profile(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def _check_options(parser: argparse.ArgumentParser) -> None:
    _plan_options(parser)
    parser.add_argument("--gpu", metavar="[Nx]GB", help="check memory for 80GB or 2x80GB (default: pod.gpu)")


def _decide_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", default="", help="needed where the decision overrides the verdict")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PHASE.PARAMETER=VALUE",
        dest="changes",
        help="a changed parameter for the next attempt",
    )


def _finish_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repository", type=Path, default=Path(), metavar="FOLDER", help="(default: here)")
    parser.add_argument(
        "--plan", type=Path, metavar="PLAN", help="whose [finish] counts (default: the session's own plan)"
    )
    parser.add_argument("--yes", action="store_true", help="write without asking")


def _init_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(), metavar="FOLDER", help="(default: here)"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing: what is not given is guessed")
    for flag, text in (
        ("--name", "of the session (default: the folder's)"),
        ("--model", "what {model} stands for in parameters"),
        ("--gpu", "such as 'A100 SXM 80GB' (default: this machine)"),
    ):
        parser.add_argument(flag, help=text, default=argparse.SUPPRESS)
    for flag, text in (("--usd-per-hour", "what the pod costs"), ("--budget-usd", "what may be spent")):
        parser.add_argument(flag, type=float, help=text, default=argparse.SUPPRESS)


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", nargs="?", type=Path, metavar="PLAN", help=f"(default: ./{PLAN}, or our own)")
    parser.add_argument("--seed", type=int, help="instead of the plan's")
    parser.add_argument("--model", help="instead of the plan's: a hub id, a folder, or embedded")
    _start_options(parser)


def _start_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--headless", action="store_true", help="plain lines instead of the screen")
    parser.add_argument(
        "--decide-by-verdict",
        action="store_true",
        help="go on at a gate when the verdict is go, stop otherwise (headless, for CI)",
    )
    parser.add_argument("--yes", action="store_true", help="approve what the plan executes")


# Starting and watching


def _rehearse(options: argparse.Namespace) -> int:
    options.profile = "rehearsal"
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    from app.plan.errors import PlanErrors
    from app.plan.read import load_plan
    from app.session import start

    path = options.plan or _default_plan()
    try:
        plan = load_plan(path, options.profile)
    except PlanErrors as errors:
        print(errors, file=sys.stderr)
        return BAD_INPUT
    if options.seed is not None:
        plan = start.override_seed(plan, options.seed)
    if options.model is not None:
        plan = start.override_model(plan, options.model)
    return _start(plan, options)


def _reproduce(options: argparse.Namespace) -> int:
    from app.monitor.gpu import GpuReader
    from app.session import registry, reproduce, start

    recorded = registry.find_session(Path(), options.session)
    plan = reproduce.load_recorded_plan(recorded, Path())
    if (open_one := start.find_unfinished(plan)) is not None:
        return _fail(f"session {open_one.name} is unfinished: `gonogo stop` ends it; then reproduce")
    now = reproduce.collect_environment(plan.folder, GpuReader().read_names())
    found = reproduce.find_differences(recorded, plan, now)
    print(f"session {recorded.name}, {plan.session.name}, seed {plan.session.seed}, in {plan.folder}")
    print("\n".join(f"  differs: {line}" for line in found) or "  nothing differs from its record")
    return _start(plan, options)


def _start(plan: "Plan", options: argparse.Namespace) -> int:
    from app.session import start

    if options.decide_by_verdict and not options.headless:
        return _fail("--decide-by-verdict is for --headless: on the screen you decide")
    _prepare_screen(options)
    folder = start.find_unfinished(plan)
    if folder is None:
        approved = _approval(plan, options)
        if not approved:
            return _fail("nothing was started")
        folder = start.open_session(plan, approved=approved)
    elif start.plan_digest(plan) != start.read_plan_digest(folder):
        print(
            f"gonogo: session {folder.name} is unfinished and goes on with the plan it was started with;\n"
            f"  {plan.path}, its seed or its model has changed since: `gonogo stop` ends it, then run again"
        )
    start.ensure_conductor(folder)
    return _watch(folder, options)


def _default_plan() -> Path:
    here = Path(PLAN)
    if not here.exists():
        here.write_bytes(_shipped_plan().read_bytes())
        print(f"gonogo: there was no {PLAN} here; wrote gonogo's own, the Stage 1 session")
    return here


def _shipped_plan() -> Path:
    """Return the plan that comes with gonogo: in an installed package inside it, in a checkout beside it."""
    inside = Path(__file__).parents[1] / PLAN
    return inside if inside.exists() else Path(__file__).parents[2] / PLAN


def _approval(plan: "Plan", options: argparse.Namespace) -> str:
    """Return how the plan is approved, or "" if it is not: a plan executes commands, so it is code."""
    from app.session import approval, registry, start

    for place in (plan.path, plan.folder):
        if others := approval.describe_unsafe_permissions(place):
            raise registry.SessionError(
                f"{place} {others}; a plan executes commands, so only you may be able to write it"
            )
    digest = start.plan_digest(plan)
    if options.yes:
        how = "--yes"
    elif approval.is_approved(digest):
        return "approved before"
    elif plan.profile == "rehearsal" and plan.path.read_bytes() == _shipped_plan().read_bytes():
        # It is as much gonogo's own code as what runs it, and costs nothing.
        return "comes with gonogo"
    else:
        print("\n".join(start.describe_commands(plan, os.environ)))
        if not sys.stdin.isatty():
            raise registry.SessionError(
                "the plan has not been approved yet: use --yes, or run where it can ask"
            )
        if input("Run this? [y/N] ").strip().lower() not in ("y", "yes"):
            return ""
        how = "asked"
    from app.session.requests import current_user

    approval.record_approval(digest, plan.path, f"{how}, by {current_user()}")
    return f"{how}, by {current_user()}"


def _prepare_screen(options: argparse.Namespace) -> None:
    """See, before anything else, that the screen has a terminal, or another driver than a terminal's.

    Raises:
        SessionError: it has none.
    """
    if options.headless:
        return
    gc.disable()  # the screen looks for garbage once it is painted: none comes up before
    streams = (sys.stdin, sys.stdout, sys.stderr)
    if "TEXTUAL_DRIVER" not in os.environ and not all(each.isatty() for each in streams):
        from app.session.registry import SessionError

        raise SessionError("the screen needs a terminal; without one: --headless, or `gonogo status`")


def _watch(folder: Path, options: argparse.Namespace) -> int:
    if options.headless:
        from app.session.client import SessionClient
        from app.session.headless import follow

        by_verdict = getattr(options, "decide_by_verdict", False)
        client = SessionClient(folder)
        return follow(client, lambda line: print(line, flush=True), decide_by_verdict=by_verdict)
    from app.tui import app as tui

    return int(tui.run(folder, read_only=getattr(options, "read_only", False)))


def _check(options: argparse.Namespace) -> int:
    from app.cli.check import check_plan

    return int(check_plan(options.plan or Path(PLAN), options.profile, options.json, options.gpu))


def _init(options: argparse.Namespace) -> int:
    from app.plan.errors import PlanErrors
    from app.plan.init import CannotWritePlanError, init_plan, terminal_input

    keys = ("name", "model", "gpu", "usd_per_hour", "budget_usd")
    given = {key: value for key, value in vars(options).items() if key in keys}
    try:
        return init_plan(options.folder, given, None if options.yes else terminal_input())
    except CannotWritePlanError as error:
        return _fail(str(error))
    except PlanErrors as errors:
        print(errors, file=sys.stderr)
        return BAD_INPUT


def _preflight(options: argparse.Namespace) -> int:
    from app.preflight.command import preflight
    from app.preflight.machine import ThisMachine

    machine = ThisMachine(os.environ)
    return preflight(options.plan or Path(PLAN), options.profile, machine, sys.stdout, as_json=options.json)


def _drill(options: argparse.Namespace) -> int:
    from app.plan.errors import PlanErrors
    from app.plan.read import load_plan
    from app.session.pod.drill import run_drill

    try:
        plan = load_plan(options.plan or Path(PLAN), options.profile)
    except PlanErrors as errors:
        print(errors, file=sys.stderr)
        return BAD_INPUT
    return 0 if run_drill(plan, lambda line: print(line, flush=True)) else 1


# Sessions that are there


def _folder(options: argparse.Namespace) -> Path:
    from app.session.registry import find_session

    return find_session(Path(), options.session)


def _attach(options: argparse.Namespace) -> int:
    from app.session.client import SessionClient

    _prepare_screen(options)
    folder = _folder(options)
    if not options.read_only and not SessionClient(folder).has_conductor():
        from app.session import start  # it reads plans, which takes longer than the first screen

        start.ensure_conductor(folder)
    return _watch(folder, options)


def _serve(options: argparse.Namespace) -> int:
    from app.tui.serve import serve

    return serve(
        _folder(options), options.port, lambda line: print(line, flush=True), may_decide=options.decide
    )


def _keys(options: argparse.Namespace) -> int:
    from app.tui.keymap import template

    print(template(), end="")
    return 0


def _status(options: argparse.Namespace) -> int:
    import msgspec

    from app.session import start, status_text
    from app.session.client import SessionClient

    folder = _folder(options)
    client = SessionClient(folder)
    session = client.snapshot()
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(session)).decode())
        return 0
    print("\n".join(status_text.status(session)))
    if not client.has_conductor() and start.needs_conductor(folder):
        print("\nNobody sees to this session, nor stops its pod: `gonogo attach` starts what does")
    return 0


def _decide(options: argparse.Namespace) -> int:
    from app.session import start
    from app.session.client import SessionClient
    from app.session.requests import Decide, Refused, current_user

    folder = _folder(options)
    start.ensure_conductor(folder)
    client = SessionClient(folder)
    gate = client.snapshot().gate
    if gate is None:
        raise Refused("no gate is open")
    changes = dict(_change(text, gate.phase) for text in options.changes)
    client.send(
        Decide(
            phase=gate.phase,
            attempt=gate.attempt,
            kind=options.kind,
            by=current_user(),
            reason=options.reason,
            changes=changes,
        )
    )
    print(f"{gate.phase}: {options.kind}")
    return 0


def _change(text: str, phase: str) -> tuple[str, Any]:
    """Return a parameter's name and value from `PHASE.PARAMETER=VALUE`; the value is JSON, or else a text."""
    from app.session.requests import Refused

    name, equals, given = text.partition("=")
    of, dot, parameter = name.partition(".")
    if not (equals and dot and parameter):
        raise Refused(f"--set {text}: expected PHASE.PARAMETER=VALUE, such as {phase}.batch_size=2")
    if of != phase:
        raise Refused(f"--set {text}: the open gate is that of {phase}; only its parameters can be changed")
    try:
        return parameter, json.loads(given)
    except ValueError:
        return parameter, given


def _stop(options: argparse.Namespace) -> int:
    from app.session import start
    from app.session.client import SessionClient
    from app.session.requests import StopPhase, StopSession, current_user

    folder = _folder(options)
    start.ensure_conductor(folder)
    client = SessionClient(folder)
    if options.phase:
        client.send(StopPhase(by=current_user()))
        print("the phase is being ended; its gate opens")
    else:
        client.send(StopSession(by=current_user()))
        print("the session is being ended")
    return 0


def _hold(options: argparse.Namespace) -> int:
    from app.session import start
    from app.session.client import SessionClient
    from app.session.requests import Hold, current_user

    folder = _folder(options)
    start.ensure_conductor(folder)
    SessionClient(folder).send(Hold(on=not options.off, by=current_user()))
    print("no gate will be opened for you" if options.off else "a gate opens after the current phase")
    return 0


def _keep(options: argparse.Namespace) -> int:
    from app.session import start
    from app.session.client import SessionClient
    from app.session.requests import KeepPod, Refused, current_user

    folder = _folder(options)
    start.ensure_conductor(folder)
    client = SessionClient(folder)
    if not client.has_conductor():
        raise Refused(f"session {folder.name}: nothing is about to stop the pod")
    client.send(KeepPod(by=current_user()))
    print("the pod is not stopped; it goes on costing")
    return 0


def _log(options: argparse.Namespace) -> int:
    from app.session.attempt_log import follow_log

    return follow_log(_folder(options), options.phase, options.follow, sys.stdout)


def _report(options: argparse.Namespace) -> int:
    from app.report import commands
    from app.session.client import SessionClient
    from app.session.clock import SystemClock

    folder = _folder(options)
    environment = SessionClient(folder).environment()
    return _reported(
        lambda: commands.write_report(
            folder, environment, sys.stdout, clock=SystemClock(), output=options.output
        )
    )


def _bundle(options: argparse.Namespace) -> int:
    from app.report import commands
    from app.session.client import SessionClient
    from app.session.clock import SystemClock

    folder, clock = _folder(options), SystemClock()
    environment = SessionClient(folder).environment()
    return _reported(
        lambda: commands.write_bundle(
            folder, environment, sys.stdout, clock=clock, output=options.output, list_only=options.list
        )
    )


def _verify(options: argparse.Namespace) -> int:
    from app.report import commands

    return _reported(lambda: commands.verify_bundle(options.bundle, sys.stdout, unpack=options.unpack))


def _finish(options: argparse.Namespace) -> int:
    from app.plan.errors import PlanErrors
    from app.plan.read import load_plan
    from app.report import commands
    from app.session.clock import SystemClock

    try:
        plan = load_plan(options.plan) if options.plan else None
    except PlanErrors as errors:
        print(errors, file=sys.stderr)
        return BAD_INPUT

    def confirm() -> bool:
        if options.yes or not sys.stdin.isatty():
            return bool(options.yes)
        return input("Write this? [y/N] ").strip().lower() in ("y", "yes")

    folder = _folder(options)
    return _reported(
        lambda: commands.finish_session(
            folder,
            os.environ,
            sys.stdout,
            clock=SystemClock(),
            repository=options.repository,
            plan=plan,
            confirm=confirm,
        )
    )


def _reported(act: Callable[[], int]) -> int:
    from app.report.commands import ReportError

    try:
        return act()
    except ReportError as error:
        return _fail(str(error))


def _sessions(options: argparse.Namespace) -> int:
    from app.session import status_text
    from app.session.client import SessionClient
    from app.session.registry import list_sessions

    for folder in list_sessions(Path()):
        session = SessionClient(folder).snapshot()
        print(f"{status_text.title(session)}; {status_text.money(session)}; {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
