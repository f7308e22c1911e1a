"""`gonogo preflight`: runs all checks at once and prints what they found, in a fixed order."""

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TextIO

import msgspec

from app.monitor.sanitize import clean_line
from app.plan.errors import PlanErrors
from app.plan.read import load_plan
from app.plan.schema import Plan
from app.preflight import checks
from app.preflight.checks import Finding, Found
from app.preflight.machine import Machine, Unavailable

WITHIN = 55.0
"""Seconds in which all checks are done, or given up."""

FAILED, BAD_PLAN = 1, 2
_GLYPHS = {"ok": "✓", "warn": "!", "fail": "✗"}
_ASCII = {"ok": "v", "warn": "!", "fail": "x"}


def preflight(path: Path, profile: str | None, machine: Machine, out: TextIO, *, as_json: bool) -> int:
    """Print what the checks find; return 0, 1 if one failed, or 2 if the plan cannot be read.

    Without a plan, what needs none is looked at all the same.
    """
    try:
        plan = load_plan(path, profile)
        unread: tuple[Finding, ...] = ()
        found = examine(plan, machine)
    except PlanErrors as errors:
        advice = "Correct it; the checks that need the plan come after that"
        unread = tuple(Finding("plan", "fail", str(error), advice) for error in errors.errors)
        found = examine(None, machine)
    shown = []
    glyphs = _ASCII if (out.encoding or "").lower().replace("-", "") != "utf8" else _GLYPHS
    for finding in itertools.chain(unread, found):
        shown.append(finding)
        if not as_json:
            print("\n".join(lines(finding, glyphs)), file=out, flush=True)
    failed = sum(finding.state == "fail" for finding in shown)
    warned = sum(finding.state == "warn" for finding in shown)
    if as_json:
        says = {"ok": not failed, "profile": profile, "findings": shown}
        print(msgspec.json.format(msgspec.json.encode(says)).decode(), file=out)
    else:
        print(f"\n{failed} failed, {warned} to look at, {len(shown) - failed - warned} ok", file=out)
    return BAD_PLAN if unread else FAILED if failed else 0


def examine(plan: Plan | None, machine: Machine, within: float = WITHIN) -> Iterator[Finding]:
    """Yield what all checks find, in their order, as it is known.

    Each runs in a thread of its own: none waits for, or hides, another. One that takes too long is given up.
    """
    of_plan = (
        {name: partial(check, plan, machine) for name, check in checks.OF_PLAN.items()}
        if plan is not None
        else {}
    )
    of_machine = {name: partial(check, machine) for name, check in checks.OF_MACHINE.items()}
    running = {name: _Running(name, look) for name, look in (of_plan | of_machine).items()}
    ends = machine.mono() + within
    for name, check in running.items():
        check.thread.join(max(0.0, ends - machine.mono()))
        if check.thread.is_alive():
            yield Finding(name, "warn", f"no answer within {within:.0f} s", "Try again, or look by hand")
        else:
            yield from check.findings


class _Running:
    """A check under way; `findings` are all there when the thread has ended."""

    def __init__(self, name: str, look: Callable[[], Iterator[Found]]) -> None:
        self.findings: list[Finding] = []
        self._name = name
        self._look = look
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            for found in self._look():
                self.findings.append(Finding(self._name, *found))
        except Unavailable as error:
            self.findings.append(Finding(self._name, "fail", str(error), "Look by hand, or try again"))
        except Exception as error:  # a check that breaks must not hide the others
            said = f"could not be looked at: {type(error).__name__}: {error}"
            self.findings.append(Finding(self._name, "fail", said, "Look by hand"))


def lines(finding: Finding, glyphs: Mapping[str, str] = _GLYPHS) -> Iterator[str]:
    """Yield a finding for people to read: a line, and another for what to do."""
    head = f"{glyphs[finding.state]} {finding.state:<5}{finding.check:<14}"
    yield clean_line(f"{head}{finding.found}")
    if finding.todo:
        yield clean_line(" " * len(head) + f"-> {finding.todo}")
