"""`gonogo init`: writes a plan for a folder of scripts, one phase each."""

import os
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import tomlkit
from tomlkit.items import Table

from app.plan.check import render_summary, summarize_plan
from app.plan.read import load_plan
from phases.contract import files

PLAN = "session_plan.toml"
_RUNS = {".sh": "bash", ".py": "python3"}
_FOLDERS = (".", "scripts")
_LONGEST_ID = 60


class CannotWrite(Exception):  # noqa: N818 - it is said to the operator
    """No plan can be written; the message says why and what to do."""


@dataclass(frozen=True)
class Answers:
    """What a plan cannot be written without, and a script cannot tell."""

    name: str
    model: str = "none"
    gpu: str = "this machine"
    usd_per_hour: float = 0.0
    budget_usd: float = 25.0


def scripts(folder: Path) -> list[Path]:
    """Return the programs in a folder and its `scripts/`, relative to it, in the order of their names.

    Numbers in names count as such: `2_train.py` comes before `10_compare.py`.
    """
    found = [p for inner in _FOLDERS for p in (folder / inner).glob("*") if _is_script(p)]
    return sorted((p.relative_to(folder) for p in found), key=_order)


def _is_script(path: Path) -> bool:
    if not path.is_file() or path.name.startswith((".", "_", "test_", "conftest", "setup.")):
        return False
    if path.suffix in _RUNS:
        return True
    if path.suffix or not os.access(path, os.X_OK):
        return False
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _order(path: Path) -> list[tuple[bool, int, str]]:
    parts = re.split(r"(\d+)", str(path))
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def write_plan(folder: Path, programs: Iterable[Path], answers: Answers) -> Path:
    """Write a plan that runs programs one after another, a gate after each, and return its path.

    Raises:
        CannotWrite: there is a plan already, or there is nothing to run.
        PlanErrors: an answer is not what a plan may say; nothing is left.
    """
    programs = list(programs)
    path = folder / PLAN
    if path.exists():
        raise CannotWrite(f"{path} is there already: move it away first, or edit it")
    if not programs:
        raise CannotWrite(f"{folder} has no scripts (*.py, *.sh, or executable with #!): give their folder")
    files.write_whole(path, tomlkit.dumps(_document(programs, answers)))
    try:
        load_plan(path)
    except Exception:
        path.unlink()
        raise
    return path


def _document(programs: list[Path], answers: Answers) -> tomlkit.TOMLDocument:
    document = tomlkit.document()
    document.add(tomlkit.comment("A plan executes commands: treat it as code. Paths start at this folder."))
    document.add(tomlkit.comment("`gonogo check` validates it, `gonogo preflight` looks at this machine."))
    document.add(tomlkit.nl())
    session = _table(name=answers.name, model=answers.model, budget_usd=answers.budget_usd)
    session.add("files", [str(program) for program in programs])
    document.add("session", session)
    pod = _table(gpu=answers.gpu, usd_per_hour=answers.usd_per_hour)
    pod.add(tomlkit.comment('stop_command = ["runpodctl", "stop", "pod", "$RUNPOD_POD_ID"]'))
    pod.add(tomlkit.comment('outside_limit = "what ends the rent when every process on the pod is dead"'))
    document.add("pod", pod)
    listed = tomlkit.aot()
    taken: set[str] = set()
    for program in programs:
        listed.append(_phase(program, taken))
    document.add("phase", listed)
    return document


def _phase(program: Path, taken: set[str]) -> Table:
    words = re.sub(r"[^a-z0-9]+", "_", program.stem.lower()).strip("_0123456789") or "phase"
    start = words[: _LONGEST_ID - 4]
    name = next(n for n in (start, *(f"{start}_{i}" for i in range(2, 1000))) if n not in taken)
    taken.add(name)
    runner = _RUNS.get(program.suffix)
    phase = _table(id=name, title=name.replace("_", " ").capitalize())
    phase.add("command", [runner, str(program)] if runner else [f"./{program}"])
    hours = tomlkit.inline_table()
    hours.add("hours", [0.1, 1.0])
    phase.add("estimate", hours)
    phase["estimate"].comment("a guess: correct it")
    phase.add(tomlkit.comment('metrics = { loss = "loss: ([0-9.]+)" }  # numbers to read from its log'))
    phase.add(tomlkit.comment('criteria = [{ name = "loss decreases", expr = "loss < first_loss" }]'))
    gate = tomlkit.inline_table()
    gate.add("ask", "always")
    phase.add("gate", gate)
    return phase


def _table(**keys: str | float) -> Table:
    table = tomlkit.table()
    for key, value in keys.items():
        table.add(key, value)
    return table


def init(folder: Path, given: dict[str, str | float], ask: Callable[[str], str] | None) -> int:
    """Write a plan for a folder, asking for what was not given where someone can be asked; show it.

    Raises:
        CannotWrite: see `write_plan`.
        PlanErrors: see `write_plan`.
    """
    found = scripts(folder)
    answers = Answers(name=folder.resolve().name)
    questions = {
        "name": "Name of the session",
        "gpu": "GPU",
        "usd_per_hour": "Dollars an hour",
        "budget_usd": "Budget in dollars",
    }
    values: dict[str, str | float] = {**vars(answers), **given}
    if ask is not None and found and not (folder / PLAN).exists():
        print("Phases, in this order: " + ", ".join(map(str, found)))  # noqa: T201
        for key in [key for key in questions if key not in given]:
            said = ask(f"{questions[key]} [{values[key]}]: ").strip()
            values[key] = said or values[key]
    path = write_plan(folder, found, _answers(values))
    print(f"wrote {path}\n")  # noqa: T201
    print(render_summary(summarize_plan(load_plan(path))))  # noqa: T201
    print("\nNext: correct the estimates, add criteria, then `gonogo preflight` and `gonogo run`.")  # noqa: T201
    return 0


def _answers(values: dict[str, str | float]) -> Answers:
    numbers = {}
    for key in ("usd_per_hour", "budget_usd"):
        try:
            numbers[key] = float(values[key])
        except ValueError:
            raise CannotWrite(f"{key}: expected a number, such as 1.74; found {values[key]}") from None
    return Answers(str(values["name"]), str(values["model"]), str(values["gpu"]), **numbers)


def asker() -> Callable[[str], str] | None:
    """Return what asks the person at the terminal, None where there is nobody."""
    return input if sys.stdin.isatty() else None
