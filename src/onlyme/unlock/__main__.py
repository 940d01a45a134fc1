"""Run the daemon without the command line: `python -m onlyme.unlock`."""

from __future__ import annotations

import logging
import sys

from onlyme.errors import OnlymeError
from onlyme.settings import Settings
from onlyme.storage.system import require_linux
from onlyme.unlock.daemon.server import serve
from onlyme.vault.core_dumps import forbid_core_dumps


def main() -> None:
    """Serve until a signal; an error ends in one line on stderr and exit code 2."""
    forbid_core_dumps()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    logging.getLogger("onlyme.attempts").setLevel(logging.INFO)
    try:
        require_linux("the daemon of the computer's login")
        serve(Settings.load_system())
    except (OnlymeError, OSError) as error:
        sys.exit(_print_error(error))


def _print_error(error: Exception) -> int:
    sys.stderr.write(f"onlyme: {error}\n")
    return 2


if __name__ == "__main__":
    main()
