"""The `gonogo` command: its parser, and the dispatch to the modules of this package.

A command is named as `module:function` and its module is imported only when it runs, so that `gonogo --help`
starts in a tenth of a second.
"""

import argparse
import codecs
import gc
import io
import os
import pkgutil
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from app.cli.output import remove_controls_from_output
from app.errors import UserError

BAD_INPUT = 2
DETACHED = 130
PLAN = "session_plan.toml"
_STANDARD_ERROR = 2
_DECISIONS = ("go", "retry", "batch", "skip", "stop")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    _open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not _is_utf8(stream):
            stream.reconfigure(errors="replace")  # A name in a plan may have any characters.
    os.umask(os.umask(0) | stat.S_IWOTH)  # Nothing that a session writes is for everyone to change.
    with remove_controls_from_output():
        try:
            return _flush_output(_run_command(argv))
        except SystemExit:  # argparse has printed the help, or what is wrong.
            _flush_output(0)
            raise


def _open_missing_streams() -> None:
    """Open standard input, output and error that are closed, or other files would take their place."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - it stays open


def _flush_output(status: int) -> int:
    """Return the exit status, or another one if the output cannot be written, as on a full disk."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
    except OSError as error:
        _discard_output()
        print(f"gonogo: the output cannot be written: {error.strerror}", file=sys.stderr)
        return BAD_INPUT
    return status


def _discard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run_command(argv: Sequence[str] | None) -> int:
    options = build_parser().parse_args(argv)
    try:
        for argument in argv or ():
            if "\0" in argument:
                raise UserError(f"{argument!r}: expected an argument without null characters")
        gc.disable()  # Imports leave no garbage, and searching for it takes a tenth of the start.
        command = pkgutil.resolve_name(options.command)
        gc.enable()
        return int(command(options))
    except UserError as error:
        print(f"gonogo: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        _discard_output()
        return 0
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"gonogo: {place}{error.strerror or error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print(
            "\nDetached; the session keeps running. Use `gonogo attach` to show it, `gonogo stop` to end it."
        )
        return DETACHED


def _is_utf8(stream: io.TextIOWrapper) -> bool:
    return codecs.lookup(stream.encoding).name == "utf-8"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="gonogo",
        description="Run a post-training session on a rented GPU: phases, gates, decisions and cost.",
    )
    commands = _Commands(parser)
    _add_start_commands(commands)
    _add_plan_commands(commands)
    _add_show_commands(commands)
    _add_control_commands(commands)
    _add_result_commands(commands)
    return parser


class _Commands:
    """The commands of a parser."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(self, name: str, command: str, text: str) -> argparse.ArgumentParser:
        """Add a command that calls the function `command`, named as `module:function`."""
        parser = self._commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        parser.set_defaults(command=command)
        return parser

    def add_for_session(self, name: str, command: str, text: str) -> argparse.ArgumentParser:
        """Add a command that takes `--session`."""
        parser = self.add(name, command, text)
        parser.add_argument(
            "--session", metavar="ID", help="session id or folder (default: the newest unfinished session)"
        )
        return parser


def _add_start_commands(commands: _Commands) -> None:
    run = commands.add("run", "app.cli.start:run", "start a session, or rejoin the unfinished one")
    _add_run_options(run)
    run.add_argument("--profile", metavar="NAME", help="plan profile to apply")
    rehearse = commands.add(
        "rehearse",
        "app.cli.start:rehearse",
        "run the plan's rehearsal profile, with the small model of gonogo",
    )
    _add_run_options(rehearse)
    reproduce = commands.add(
        "reproduce", "app.cli.start:reproduce", "run a recorded session again and list what differs first"
    )
    reproduce.add_argument("session", metavar="SESSION", help="session id or folder, or an unpacked bundle")
    _add_approval_options(reproduce)


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "plan", nargs="?", type=Path, metavar="PLAN", help=f"plan file (default: {PLAN}, created if missing)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="override the plan's seed")
    parser.add_argument(
        "--model", help="override the plan's model with a hub id, a folder, or the word embedded"
    )
    _add_approval_options(parser)


def _add_approval_options(parser: argparse.ArgumentParser) -> None:
    _add_headless_option(parser)
    parser.add_argument(
        "--decide-by-verdict",
        action="store_true",
        help="continue at a gate if its verdict is go, otherwise stop (needs --headless; for CI)",
    )
    parser.add_argument("--yes", action="store_true", help="approve the plan's commands without asking")


def _add_headless_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--headless", action="store_true", help="print plain lines instead of the screen")


def _add_plan_commands(commands: _Commands) -> None:
    check = commands.add(
        "check", "app.cli.plans:check", "validate a plan and show its estimates, memory and total cost"
    )
    _add_plan_options(check)
    _add_json_option(check)
    check.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="show what the plan's patterns and the presets find in a log, and suggest a preset",
    )
    check.add_argument(
        "--gpu", metavar="[Nx]GB", help="GPU memory to check for, such as 80GB or 2x80GB (default: pod.gpu)"
    )
    init = commands.add("init", "app.cli.plans:init", "write a plan that runs the scripts in a folder")
    _add_init_options(init)
    preflight = commands.add(
        "preflight",
        "app.cli.preflight:preflight",
        "check the pod before starting: model, GPU, disk, network; sends a test notification",
    )
    _add_plan_options(preflight)
    _add_json_option(preflight)
    drill = commands.add(
        "drill", "app.cli.plans:drill", "dry-run the automatic stop of the pod at an unanswered gate"
    )
    _add_plan_options(drill)


def _add_plan_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", nargs="?", type=Path, metavar="PLAN", help=f"plan file (default: {PLAN})")
    parser.add_argument("--profile", metavar="NAME", help="plan profile to apply")


def _add_json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_init_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="folder with the scripts (default: current folder)",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask; use defaults for missing options")
    for flag, text in (
        ("--name", "name of the session (default: name of the folder)"),
        ("--model", "model of the session: a hub id or a folder; replaces {model} in parameters"),
        ("--gpu", "GPU of the pod, such as 'A100 SXM 80GB' (default: this machine's)"),
    ):
        parser.add_argument(flag, help=text, default=argparse.SUPPRESS)
    for flag, text in (
        ("--usd-per-hour", "price of the pod"),
        ("--budget-usd", "amount that the session may spend"),
    ):
        parser.add_argument(flag, type=float, metavar="USD", help=text, default=argparse.SUPPRESS)


def _add_show_commands(commands: _Commands) -> None:
    attach = commands.add_for_session("attach", "app.cli.attach:attach", "show a session on the screen")
    attach.add_argument("--read-only", action="store_true", help="show the session without allowing actions")
    attach.add_argument("--yes", action="store_true", help="approve the session's commands without asking")
    _add_headless_option(attach)
    serve = commands.add_for_session(
        "serve", "app.cli.show:serve", "serve a session's screen to a browser on this machine"
    )
    serve.add_argument("--port", type=int, default=8000, help="port on the loopback address (default: 8000)")
    serve.add_argument("--decide", action="store_true", help="allow decisions and stops from the browser")
    status = commands.add_for_session("status", "app.cli.show:status", "print the state of a session")
    _add_json_option(status)
    log = commands.add_for_session("log", "app.cli.show:log", "print the log of the newest attempt")
    log.add_argument("-f", "--follow", action="store_true", help="keep printing as the log grows")
    log.add_argument("--phase", metavar="ID", help="phase (default: the one that ran last)")
    commands.add("sessions", "app.cli.show:sessions", "list the sessions in this folder or on this machine")
    commands.add("keys", "app.cli.show:keys", "print the screen's key bindings as a file to edit")


def _add_control_commands(commands: _Commands) -> None:
    decide = commands.add_for_session("decide", "app.cli.control:decide", "decide the open gate")
    decide.add_argument("kind", choices=_DECISIONS, metavar="|".join(_DECISIONS), help="decision to record")
    _add_decision_options(decide)
    retry = commands.add_for_session("retry", "app.cli.control:decide", "retry the phase at the open gate")
    retry.set_defaults(kind="retry")
    _add_decision_options(retry)
    stop = commands.add_for_session(
        "stop", "app.cli.control:stop", "stop the running phase and end the session"
    )
    stop.add_argument("--phase", action="store_true", help="stop only the running phase and open its gate")
    hold = commands.add_for_session(
        "hold", "app.cli.control:hold", "open a gate after the current phase, regardless of its verdict"
    )
    hold.add_argument("--off", action="store_true", help="cancel the hold")
    ask = commands.add_for_session(
        "ask", "app.cli.ask:ask", "ask the models at the open gate, and print their answers as they come"
    )
    _add_ask_options(ask)
    commands.add_for_session(
        "keep", "app.cli.control:keep", "keep the pod running after the session has ended"
    )


def _add_ask_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "question", nargs="*", metavar="TEXT", help="instruction (default: the lines of standard input)"
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME",
        help="base, sft or dpo; may be repeated (default: all that exist)",
    )
    parser.add_argument("--sampled", action="store_true", help="sample instead of decoding greedily")
    parser.add_argument("--seed", type=int, metavar="N", help="seed of a sample (default: another each time)")
    parser.add_argument(
        "--suite-prompt", metavar="KEY", help="ask a prompt of the evaluation suite, and check the answers"
    )
    parser.add_argument("--list-prompts", action="store_true", help="list the prompts of the suite")
    parser.add_argument("--json", action="store_true", help="print the transcript's lines as JSON")


def _add_decision_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reason", default="", metavar="TEXT", help="reason, required if the decision overrides the verdict"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PHASE.PARAMETER=VALUE",
        dest="changes",
        help="change a parameter of the next attempt or, with go, of a later phase; may be repeated",
    )
    parser.add_argument(
        "--leave-out",
        action="append",
        default=[],
        metavar="PHASE",
        dest="left_out",
        help="with go, do not run a later phase; may be repeated",
    )
    parser.add_argument(
        "--preview", action="store_true", help="show what the decision would change, without deciding"
    )


def _add_result_commands(commands: _Commands) -> None:
    report = commands.add_for_session("report", "app.cli.results:report", "write the session report")
    report.add_argument(
        "--output", type=Path, metavar="FOLDER", help="folder to write to (default: next to the outputs)"
    )
    bundle = commands.add_for_session(
        "bundle", "app.cli.results:bundle", "package the session's results for download"
    )
    bundle.add_argument(
        "--output", type=Path, metavar="FILE", help="file to write (default: in bundles/ next to the outputs)"
    )
    bundle.add_argument("--list", action="store_true", help="list the contents without writing the bundle")
    label = commands.add(
        "label", "app.cli.label:label", "label the failed answers by kind, without seeing their model"
    )
    label.add_argument(
        "session",
        nargs="?",
        metavar="SESSION",
        help="session id or folder (default: the newest unfinished session)",
    )
    verify = commands.add("verify", "app.cli.results:verify", "check every byte of a bundle")
    verify.add_argument("bundle", type=Path, metavar="BUNDLE", help="bundle or its unpacked folder")
    verify.add_argument("--unpack", type=Path, metavar="FOLDER", help="unpack the bundle into this folder")
    finish = commands.add_for_session(
        "finish", "app.cli.results:finish", "write the results into your repository, after showing the diff"
    )
    finish.add_argument(
        "--repository",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="repository (default: current folder)",
    )
    finish.add_argument(
        "--plan", type=Path, metavar="PLAN", help="plan whose [finish] applies (default: the session's plan)"
    )
    finish.add_argument("--yes", action="store_true", help="write without asking")
