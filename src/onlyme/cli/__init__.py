"""Words of a shell come in; a call of FaceID, its answer in words or JSON, and an exit code go out.

0: accepted, or done. 1: rejected. 2: could not decide, or wrong use.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, and turn every expected failure into a sentence and exit code 2."""
    # Imported here, so that `import onlyme.cli` stays cheap for whoever only looks.
    from onlyme.cli.app import app
    from onlyme.errors import OnlymeError
    from onlyme.vault.memory import no_core_dumps

    no_core_dumps()
    try:
        app()
    except OnlymeError as error:
        print(f"onlyme: {error}", file=sys.stderr)  # noqa: T201 - this is a command line
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has left; say no more, also not while Python shuts down.
        sys.stderr.close()
        sys.exit(2)
