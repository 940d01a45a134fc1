"""Define the command `onlyme`; each of its commands is loaded when it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from functools import cache, partial
from importlib import import_module
from typing import Annotated, Any

import typer

from onlyme.cli.groups import HelpfulGroup
from onlyme.cli.lines import say

__all__ = ["COMMANDS", "app", "load_family"]

COMMANDS = {
    "enroll": "enroll",
    "list": "enroll",
    "forget": "enroll",
    "rename": "enroll",
    "merge": "enroll",
    "examples": "examples",
    "enroll-folder": "enroll_folder",
    "verify": "verify",
    "identify": "verify",
    "watch": "watch",
    "compare": "faces",
    "detect": "faces",
    "tune": "tune",
    "certificate": "tune",
    "not-me": "tune",
    "evaluate": "evaluate",
    "evaluate-liveness": "liveness",
    "spoof-me": "spoof",
    "adapt": "vault",
    "status": "vault",
    "reset": "vault",
    "revoke": "vault",
    "rekey": "vault",
    "export": "vault",
    "backup": "vault",
    "restore": "vault",
    "import": "vault",
    "demo": "demo",
    "doctor": "doctor",
    "models": "models",
    "cameras": "cameras",
    "daemon": "unlock.daemon",
    "audit": "vault",
    "events": "events",
    "serve": "serve",
    "store": "gallery",
    "lab": "lab.commands",
    "unlock": "unlock.commands",
}
"""Each command with the module that registers it, in the order of the help."""


_PANELS = {
    "Recognise": (
        *("enroll", "verify", "identify", "watch", "compare", "detect", "enroll-folder"),
        "demo",
    ),
    "People": (
        *("list", "examples", "forget", "rename", "merge", "tune", "certificate"),
        *("not-me", "adapt", "revoke", "export"),
    ),
    "Vault and log": (
        "status",
        "reset",
        "audit",
        "events",
        "rekey",
        "backup",
        "restore",
        "import",
        "store",
    ),
    "This computer": ("unlock", "daemon", "cameras", "doctor", "models", "serve"),
    "Measure and train": ("evaluate", "evaluate-liveness", "spoof-me", "lab"),
}
"""The headings of the help, with their commands."""


def _find_panel(name: str) -> str | None:
    return next((panel for panel, names in _PANELS.items() if name in names), None)


@cache
def load_family(module: str) -> dict[str, Any]:
    """Import a module of commands, and return the commands that it registers, by name."""
    family = typer.Typer()
    import_module(f"onlyme.cli.{module}").register(family)
    group: Any = typer.main.get_group(family)
    for name, command in group.commands.items():
        command.rich_help_panel = _find_panel(name)
        _refuse_empty_paths(command)
    return dict(group.commands)


def _refuse_empty_paths(command: Any) -> None:
    """Refuse an empty word where a path is wanted, in a command and those below it.

    It is a variable of a shell that was not set. To Python it is the current folder, whose photos
    would be learned, or whose files written.
    """
    for parameter in command.params:
        kind = parameter.type
        if hasattr(kind, "resolve_path"):
            kind.convert = partial(_convert_path, kind, kind.convert)
    for below in getattr(command, "commands", {}).values():
        _refuse_empty_paths(below)


def _convert_path(
    kind: Any, convert: Callable[..., Any], value: Any, parameter: Any, context: Any
) -> Any:
    if value == "":
        kind.fail("an empty name is no file and no folder", parameter, context)
    return convert(value, parameter, context)


class _LazyCommands(MutableMapping[str, Any]):
    """The commands by name. Looking one up imports its module, listing the names imports none."""

    def __init__(self) -> None:
        self._others: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name in COMMANDS:
            return load_family(COMMANDS[name])[name]
        return self._others[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._others[name] = command

    def __delitem__(self, name: str) -> None:
        del self._others[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*COMMANDS, *self._others))

    def __len__(self) -> int:
        return len(COMMANDS) + len(self._others)


class _Group(HelpfulGroup):
    """The commands, loaded lazily: importing and parsing all of them takes as long as `list`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _LazyCommands()

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands, in the order of the help, without loading any."""
        del ctx
        return list(self.commands)

    def invoke(self, ctx: Any) -> Any:
        """Run a command.

        Typer itself would answer a closed pipe, or Ctrl-D at a question, with 1: *rejected*.
        """
        try:
            return super().invoke(ctx)
        except typer.Abort:  # Ctrl-C comes here as well; `main` knows which it was
            say("\nended at a question, before it was done", err=True)
            raise SystemExit(2) from None
        except BrokenPipeError:
            from onlyme.cli.output import drop_output

            drop_output()
            raise SystemExit(2) from None


app = typer.Typer(
    name="onlyme",
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 accepted or done, 1 rejected, 2 could not decide or wrong use.",
)


def _complete_at_first_tab() -> None:
    """Let zsh complete at the first Tab of each shell.

    Typer's completion is made to be sourced: loaded from a folder it only registers itself.
    """
    # Typer has no public way to change the text, which it holds twice.
    from typer import _completion_classes as classes
    from typer import _completion_shared as shared

    register = "\ncompdef %(complete_func)s %(prog_name)s\n"
    called = 'if [[ $funcstack[1] == _%(prog_name)s ]]; then %(complete_func)s "$@"'
    old: str = getattr(shared, "COMPLETION_SCRIPT_ZSH", "")
    new = old.replace(register, f"\n{called}; else {register.strip()}; fi\n")
    getattr(shared, "_completion_scripts", {})["zsh"] = new
    classes.ZshComplete.source_template = new


_complete_at_first_tab()


def _print_version(*, wanted: bool) -> None:
    if wanted:
        import onlyme

        typer.echo(f"onlyme {onlyme.__version__}")
        raise typer.Exit


@app.callback()
def onlyme(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda wanted: _print_version(wanted=wanted),
            is_eager=True,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    """Face ID for your own computer and your own software.

    Show it a few photos of you; from then on it accepts you and rejects all others:

        onlyme enroll ada photos-of-ada/

        onlyme verify ada photo.jpg
    """
