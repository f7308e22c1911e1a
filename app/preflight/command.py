"""`gonogo preflight`: run all checks at the same time and print their findings in a fixed order."""

import itertools
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TextIO

import msgspec

from app.monitor.sanitize import clean_line
from app.plan.errors import PlanErrors
from app.plan.read import load_plan
from app.plan.schema import Plan
from app.preflight.checks import PLAN_CHECKS, PLANLESS_CHECKS
from app.preflight.checks.finding import Finding, Outcome
from app.preflight.probes import ProbeError, Probes

TIMEOUT = 55.0
"""Seconds after which checks that have not ended are given up."""

FAILED, BAD_PLAN = 1, 2
_SYMBOLS = {"ok": "✓", "warn": "!", "fail": "✗"}
_ASCII_SYMBOLS = {"ok": "v", "warn": "!", "fail": "x"}


def print_findings(path: Path, profile: str | None, probes: Probes, out: TextIO, *, as_json: bool) -> int:
    """Print the findings of all checks; return 0, 1 if a check failed, or 2 if the plan is invalid.

    With an invalid plan, the checks that need none still run.
    """
    plan: Plan | None = None
    plan_findings: list[Finding] = []
    try:
        plan = load_plan(path, profile)
    except PlanErrors as errors:
        advice = "Correct the plan; the checks that need it run after that"
        plan_findings = [Finding("plan", "fail", str(error), advice) for error in errors.errors]
    findings = []
    is_utf8 = (out.encoding or "").lower().replace("-", "") == "utf8"
    for finding in itertools.chain(plan_findings, run_checks(plan, probes)):
        findings.append(finding)
        if not as_json:
            lines = _format_finding(
                finding, _SYMBOLS[finding.state] if is_utf8 else _ASCII_SYMBOLS[finding.state]
            )
            print("\n".join(lines), file=out, flush=True)
    failed = sum(finding.state == "fail" for finding in findings)
    warned = sum(finding.state == "warn" for finding in findings)
    if as_json:
        output = {"ok": not failed, "profile": profile, "findings": findings}
        print(msgspec.json.format(msgspec.json.encode(output)).decode(), file=out)
    else:
        print(f"\n{failed} failed, {warned} warnings, {len(findings) - failed - warned} ok", file=out)
    if plan is None:
        return BAD_PLAN
    return FAILED if failed else 0


def run_checks(plan: Plan | None, probes: Probes, timeout: float = TIMEOUT) -> Iterator[Finding]:
    """Yield the findings of all checks in their order, each as soon as it is known.

    Each check runs in a thread, so that none delays or hides another.
    """
    checks: dict[str, Callable[[], Iterator[Outcome]]] = {}
    if plan is not None:
        checks |= {name: partial(check, plan, probes) for name, check in PLAN_CHECKS.items()}
    checks |= {name: partial(check, probes) for name, check in PLANLESS_CHECKS.items()}
    threads = [_CheckThread(name, check) for name, check in checks.items()]
    for thread in threads:
        thread.start()
    deadline = probes.monotonic() + timeout
    for thread in threads:
        thread.join(max(0.0, deadline - probes.monotonic()))
        if thread.is_alive():
            yield Finding(thread.check, "warn", f"no result within {timeout:.0f} s", "Try again")
        else:
            yield from thread.findings


class _CheckThread(threading.Thread):
    """A check that runs; `findings` is complete when the thread has ended."""

    def __init__(self, check: str, run_check: Callable[[], Iterator[Outcome]]) -> None:
        super().__init__(daemon=True)
        self.check = check
        self.findings: list[Finding] = []
        self._run_check = run_check

    def run(self) -> None:
        """Run the check and collect its findings."""
        try:
            for outcome in self._run_check():
                self.findings.append(Finding(self.check, *outcome))
        except ProbeError as error:
            self.findings.append(Finding(self.check, "fail", str(error), "Try again"))
        except Exception as error:  # A defect in one check must not hide the others.
            message = f"the check itself failed: {type(error).__name__}: {error}"
            self.findings.append(Finding(self.check, "fail", message, "Check this yourself"))


def _format_finding(finding: Finding, symbol: str) -> list[str]:
    head = f"{symbol} {finding.state:<5}{finding.check:<14}"
    lines = [clean_line(f"{head}{finding.message}")]
    if finding.advice:
        lines.append(clean_line(f"{' ' * len(head)}-> {finding.advice}"))
    return lines
