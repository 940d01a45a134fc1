"""Build the Debian that tests boot, where it is missing: `python -m tools.debian [SUITE]`."""

import sys

from tools.debian.machine import find_problem
from tools.debian.tree import SUITE, build_tree

problem = find_problem()
if problem:
    print(f"tests in a booted Debian are left out: {problem}", file=sys.stderr)
else:
    print(build_tree(sys.argv[1] if sys.argv[1:] else SUITE))
