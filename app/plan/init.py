"""`gonogo init`: write a plan for a folder of scripts, one phase each."""

import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.errors import UserError
from app.paths import format_path, is_utf8
from app.plan.check import render_summary, summarize_plan
from app.plan.read import load_plan
from phases.contract import files
from phases.contract.files import open_regular_file

PLAN_FILE: Final = "session_plan.toml"
_RUNNERS: Final = {".sh": "bash", ".py": "python3"}
_FOLDERS: Final = (".", "scripts")
_MAX_ID_LENGTH: Final = 60
_QUESTIONS: Final = {
    "name": "Name of the session",
    "gpu": "GPU",
    "usd_per_hour": "Dollars per hour",
    "budget_usd": "Budget in dollars",
}
_HEAD: Final = """\
# A plan executes commands: treat it as code. Paths start at this folder.
# `gonogo check` validates it; `gonogo preflight` checks this machine.

[session]
name = {name}
model = {model}
budget_usd = {budget_usd}
files = {files}

[pod]
gpu = {gpu}
usd_per_hour = {usd_per_hour}
# stop_command = ["runpodctl", "stop", "pod", "$RUNPOD_POD_ID"]
# outside_limit = "what stops the pod if every process on it is dead"

# [bundle]
# include = ["models", "report.*"] # the outputs below {{artifacts}} that `gonogo bundle` packages
"""
_PHASE: Final = """
[[phase]]
id = {id}
title = {title}
command = {command}
estimate = {{ hours = [0.1, 1.0] }} # a guess: correct it
# metrics = {{ loss = "loss: (\\\\S+)" }}  # numbers to read from its log, or a preset such as "hf-trainer"
# criteria = [{{ name = "loss decreases", expr = "loss < first_loss" }}]
gate = {{ ask = "always" }}
"""


class CannotWritePlanError(UserError):
    """The plan cannot be written. The message says why and what to do."""


@dataclass(frozen=True)
class PlanAnswers:
    """The answers that a plan needs and that scripts do not contain."""

    name: str
    model: str = "none"
    gpu: str = "this machine"
    usd_per_hour: float = 0.0
    budget_usd: float = 25.0


def find_scripts(folder: Path) -> list[Path]:
    """Return the programs in a folder and its `scripts/`, relative to the folder and in natural order.

    In natural order `2_train.py` comes before `10_compare.py`.
    """
    programs = [path for inner in _FOLDERS for path in (folder / inner).glob("*") if _is_script(path)]
    return sorted((path.relative_to(folder) for path in programs), key=_make_sort_key)


def _is_script(path: Path) -> bool:
    if not path.is_file() or path.name.startswith((".", "_", "test_", "conftest", "setup.")):
        return False
    if path.suffix in _RUNNERS:
        return True
    if not os.access(path, os.X_OK):
        return False
    with open_regular_file(path) as file:
        return file.read(2) == b"#!"


def _make_sort_key(path: Path) -> list[tuple[bool, int, str]]:
    parts = re.split(r"(\d+)", str(path))
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def write_plan(folder: Path, programs: Iterable[Path], answers: PlanAnswers) -> Path:
    """Write a plan that runs programs one after another, with a gate after each, and return its path.

    Raises:
        CannotWritePlanError: a plan exists already, or there is nothing to run.
        PlanErrors: an answer is not valid in a plan; nothing is written.
    """
    programs = list(programs)
    path = folder / PLAN_FILE
    if path.exists():
        raise CannotWritePlanError(f"{path} exists already: move it away first, or edit it")
    if not programs:
        raise CannotWritePlanError(
            f"{folder} has no scripts (*.py, *.sh, or executable with #!): give the folder that has them"
        )
    for script_path in (folder.absolute(), *programs):
        if not is_utf8(script_path):
            raise CannotWritePlanError(f"{format_path(script_path)}: expected a path in UTF-8; rename it")
    files.write_atomically(path, _render_plan(programs, answers))
    try:
        load_plan(path)
    except Exception:
        path.unlink()
        raise
    return path


def _render_plan(programs: list[Path], answers: PlanAnswers) -> str:
    values = {name: _to_toml(value) for name, value in vars(answers).items()}
    head = _HEAD.format(**values, files=_to_toml([str(program) for program in programs]))
    ids: set[str] = set()
    phases = []
    for program in programs:
        phase_id = _choose_id(program, ids)
        ids.add(phase_id)
        runner = _RUNNERS.get(program.suffix)
        command = [runner, str(program)] if runner else [f"./{program}"]
        phases.append(
            _PHASE.format(
                id=_to_toml(phase_id),
                title=_to_toml(phase_id.replace("_", " ").capitalize()),
                command=_to_toml(command),
            )
        )
    return head + "".join(phases)


def _choose_id(program: Path, used_ids: set[str]) -> str:
    """Return a phase id from the name of a program, with a number if the name is taken."""
    words = re.sub(r"[^a-z0-9]+", "_", program.stem.lower()).strip("_0123456789") or "phase"
    name = words[: _MAX_ID_LENGTH - 4]
    candidates = (name, *(f"{name}_{i}" for i in range(2, 1000)))
    return next(candidate for candidate in candidates if candidate not in used_ids)


def _to_toml(value: str | float | list[str]) -> str:
    """Return a value as TOML writes it; a JSON string is also a TOML string, except for DEL."""
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def init_plan(folder: Path, known_answers: dict[str, str | float], ask: Callable[[str], str] | None) -> int:
    """Write a plan for a folder and print its summary.

    Args:
        folder: the folder of scripts.
        known_answers: answers that need no question.
        ask: asks the operator for the other answers; None uses the defaults.

    Raises:
        CannotWritePlanError: see `write_plan`.
        PlanErrors: see `write_plan`.
    """
    programs = find_scripts(folder)
    values: dict[str, str | float] = {**vars(PlanAnswers(name=folder.resolve().name)), **known_answers}
    if ask is not None and programs and not (folder / PLAN_FILE).exists():
        print("Phases, in this order: " + ", ".join(map(str, programs)))  # noqa: T201
        for key, question in _QUESTIONS.items():
            if key not in known_answers:
                values[key] = ask(f"{question} [{values[key]}]: ").strip() or values[key]
    path = write_plan(folder, programs, _parse_answers(values))
    print(f"wrote {path}\n")  # noqa: T201
    print(render_summary(summarize_plan(load_plan(path))))  # noqa: T201
    plan_argument = "" if path == Path(PLAN_FILE) else f" {shlex.quote(str(path))}"
    commands = f"`gonogo preflight{plan_argument}` and `gonogo run{plan_argument}`"
    print(f"\nNext: correct the estimates, add criteria, then run {commands}.")  # noqa: T201
    return 0


def _parse_answers(values: dict[str, str | float]) -> PlanAnswers:
    numbers = {}
    for key in ("usd_per_hour", "budget_usd"):
        try:
            numbers[key] = float(values[key])
        except ValueError:
            raise CannotWritePlanError(
                f"{key}: expected a number, such as 1.74; found {values[key]}"
            ) from None
    return PlanAnswers(str(values["name"]), str(values["model"]), str(values["gpu"]), **numbers)


def find_terminal_input() -> Callable[[str], str] | None:
    """Return a function that asks the operator at the terminal, or None without a terminal."""
    return input if sys.stdin.isatty() else None
