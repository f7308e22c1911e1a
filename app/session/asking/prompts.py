"""The prompts of the suite that can be asked, listed by a separate process, because `app` loads no suite."""

import subprocess
import sys
from pathlib import Path

import msgspec

from app.errors import UserError
from phases.contract.questions import WORKER_MODULE, SuitePrompt

_TIMEOUT = 60.0


def list_suite_prompts(suite: str, base: str, plan_folder: Path) -> list[SuitePrompt]:
    """Return the prompts of a suite, `auto` for that of the base model.

    Raises:
        UserError: there is no such suite, or listing it takes too long.
    """
    command = [sys.executable, "-P", "-m", WORKER_MODULE, "--prompts", suite, base]
    try:
        listing = subprocess.run(command, cwd=plan_folder, capture_output=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"the prompts of suite {suite} cannot be listed: {error}") from None
    if listing.returncode:
        messages = listing.stderr.decode(errors="replace").strip().splitlines()
        raise UserError(f"the prompts of suite {suite} cannot be listed: {messages[-1] if messages else ''}")
    return [msgspec.json.decode(line, type=SuitePrompt) for line in listing.stdout.splitlines()]
