"""The command `gonogo preflight`."""

import argparse
import os
import sys
from pathlib import Path

from app.cli import PLAN
from app.preflight.command import print_findings
from app.preflight.probes import SystemProbes


def preflight(options: argparse.Namespace) -> int:
    """Check the pod before starting."""
    plan = options.plan or Path(PLAN)
    return print_findings(plan, options.profile, SystemProbes(os.environ), sys.stdout, as_json=options.json)
