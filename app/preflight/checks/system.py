"""Check packages, clock and terminal; these checks need no plan."""

import contextlib
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from app.preflight.checks.finding import Outcome, fail, ok, warn
from app.preflight.probes import ProbeError, Probes

_MAX_CLOCK_OFFSET = 60.0


def check_packages(probes: Probes) -> Iterator[Outcome]:
    """Check that gonogo's required packages are installed in supported versions."""
    requirements = [Requirement(text) for text in probes.list_requirements()]
    required = [r for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]
    has_failed = False
    for requirement in required:
        version = probes.find_installed_version(requirement.name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            has_failed = True
            yield fail(
                f"{requirement.name} {version or 'is not installed'}; "
                f"required: {requirement.specifier or 'any version'}",
                f"pip install '{requirement.name}{requirement.specifier}'",
            )
    if not has_failed:
        yield ok(f"all {len(required)} are installed in supported versions")


def check_home(probes: Probes) -> Iterator[Outcome]:
    """Check that the home folder can be written: libraries keep their caches there."""
    home = probes.environment.get("HOME", "")
    with contextlib.suppress(KeyError):  # Containers may run as a user without an account.
        home = home or pwd.getpwuid(os.getuid()).pw_dir
    if home and Path(home).is_dir() and os.access(home, os.W_OK):
        yield ok(f"{home} can be written")
    else:
        yield warn(
            f"the home folder {home or '(HOME is not set)'} cannot be written, so libraries have no cache",
            "export HOME=/workspace/home, or set HF_HOME, TRITON_CACHE_DIR and XDG_STATE_HOME",
        )


def check_clock(probes: Probes) -> Iterator[Outcome]:
    """Check the clock, on which deadlines and certificates depend."""
    try:
        offset = probes.measure_clock_offset()
    except ProbeError as error:
        yield warn(f"not compared: {error}", "Compare it yourself: date -u")
        return
    if abs(offset) > _MAX_CLOCK_OFFSET:
        direction = "ahead" if offset > 0 else "behind"
        yield fail(f"{abs(offset):.0f} s {direction}", "Set it with timedatectl set-ntp true")
    else:
        yield ok(f"within {_MAX_CLOCK_OFFSET:.0f} s of network time")


def check_tmux(probes: Probes) -> Iterator[Outcome]:
    """Check that the terminal survives a lost connection; the session does in any case."""
    if probes.environment.get("TMUX") or probes.environment.get("STY"):
        yield ok("this terminal survives a lost connection")
    elif probes.find_program("tmux"):
        yield warn("this terminal is not in tmux", "Run tmux new -s gonogo, or rejoin with `gonogo attach`")
    else:
        yield warn("not installed", "Run apt-get install tmux, or rejoin with `gonogo attach`")
