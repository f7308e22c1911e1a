"""`python -m phases.ask PARENT` answers questions until its input or its parent ends.

`python -m phases.ask --prompts SUITE BASE` lists the prompts of a suite, `auto` for that of a base model.
"""

import os
import sys

from phases.ask.channel import Channel, end_with_parent
from phases.ask.suite import print_prompts
from phases.ask.worker import run

match sys.argv[1:]:
    case ["--prompts", suite, base]:
        raise SystemExit(print_prompts(suite, base))
    case [parent] if parent.isdecimal():
        end_with_parent(int(parent))
    case _:
        raise SystemExit(__doc__)
code = run(Channel())
sys.stderr.flush()
os._exit(code)  # The thread that reads standard input would disturb a regular exit.
