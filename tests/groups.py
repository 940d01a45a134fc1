"""Keep the tests of one group on one worker.

pytest-xdist writes a test's group into its id, which pytest 9.2 does not show. So the groups are
read from the files: a file with a group is one piece of work, together with the others of it.
"""

import re
from functools import cache
from pathlib import Path

from xdist.scheduler import LoadGroupScheduling

ROOT = Path(__file__).resolve().parents[1]
GROUP = re.compile(r'xdist_group\("([\w-]+)"\)')


@cache
def find_group(path):
    """Return the group of a file of tests; an empty string without one."""
    file = ROOT / path
    named = GROUP.search(file.read_text("utf-8")) if file.suffix == ".py" else None
    return named[1] if named else ""


class GroupScheduling(LoadGroupScheduling):
    """Sends the tests of one group to one worker, and all others to any worker that is free."""

    def _split_scope(self, nodeid):
        return find_group(nodeid.partition("::")[0]) or nodeid
