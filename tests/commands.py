"""The commands of onlyme, as the program itself lists them: no test forgets a new one."""

import typer

from onlyme.cli.app import app


def list_commands():
    """Return the words of each command that does something, such as `serve token create`."""
    return list(_walk(typer.main.get_command(app)))


def _walk(command, path=()):
    below = getattr(command, "commands", None)
    if path and (below is None or getattr(command, "invoke_without_command", False)):
        yield " ".join(path)
    for name in below or ():
        yield from _walk(below[name], (*path, name))
