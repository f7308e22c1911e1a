"""`python -m phases.ask PARENT` answers questions until its input or its parent ends."""

import sys

from phases.ask.channel import Channel, end_with_parent
from phases.ask.worker import run

end_with_parent(int(sys.argv[1]))
raise SystemExit(run(Channel()))
