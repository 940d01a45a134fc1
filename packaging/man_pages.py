#!/usr/bin/env python3
"""Write man pages from the commands' own help texts: one for each command, and onlyme-pam(8).

packaging/man_pages.py FOLDER    write FOLDER/man1/onlyme.1, …, FOLDER/man8/onlyme-pam.8
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
from cli_reference import LEFT_OUT, format_meaning, format_name, format_usage, get_root

import onlyme

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_STATUS = """\
.SH EXIT STATUS
.TP
0
accepted, or done
.TP
1
rejected
.TP
2
could not decide, or wrong use
"""
HELPER = """\
.SH NAME
onlyme\\-pam \\- ask onlyme's daemon for PAM whether the user sits before the camera
.SH SYNOPSIS
pam_exec.so quiet stdout seteuid onlyme\\-pam [\\-\\-seconds S] [\\-\\-socket PATH]
.SH DESCRIPTION
PAM starts this program through pam_exec(8). It asks the daemon for one attempt, and ends with exit
code 0 only if the daemon recognised the user who asks, alive, at this computer's seat. Every other
answer, and none at all, is another exit code: PAM then asks for the password. Do not call it by
hand; \\fBonlyme unlock install\\fR writes the lines that call it.
.SH OPTIONS
.TP
\\fB\\-\\-seconds\\fR S
how long the answer may take; 1.5 by default
.TP
\\fB\\-\\-socket\\fR PATH
where the daemon listens
.SH SEE ALSO
onlyme\\-unlock(1), pam_exec(8)
"""


def main() -> int:
    folder = Path(sys.argv[1])
    pages = dict(make_pages())
    for name, text in pages.items():
        path = folder / f"man{name[-1]}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return 0


def make_pages() -> Iterator[tuple[str, str]]:
    """Yield the file name and the text of each page."""
    root = get_root()
    children = {name: root.commands[name] for name in root.commands}
    yield "onlyme.1", make_main_page(root, children)
    for name, command in children.items():
        if not command.hidden:
            yield f"onlyme-{name}.1", make_page(name, command)
    yield "onlyme-pam.8", make_title("onlyme-pam", 8) + HELPER


def make_main_page(root: Any, children: dict[str, Any]) -> str:
    rows = "".join(
        f".TP\n\\fBonlyme\\-{escape(name)}\\fR(1)\n{escape(first_sentence(command))}\n"
        for name, command in children.items()
        if not command.hidden
    )
    return (
        make_title("onlyme", 1)
        + ".SH NAME\nonlyme \\- Face ID for your own computer and your own software\n"
        + ".SH SYNOPSIS\n\\fBonlyme\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n"
        + f".SH DESCRIPTION\n{format_text(root.help or '')}"
        + f".SH COMMANDS\n{rows}"
        + EXIT_STATUS
        + ".SH FILES\n.TP\n/etc/onlyme/config.toml\nthe settings of the computer's login\n"
        + ".TP\n/var/lib/onlyme\nthe vault of the computer's login\n"
    )


def make_page(name: str, command: Any) -> str:
    """Return the page of one command, with the commands of its family."""
    title = f"onlyme-{name}"
    parts = [
        make_title(title, 1),
        f".SH NAME\n{escape(title)} \\- {escape(first_sentence(command).rstrip('.'))}\n",
    ]
    family = getattr(command, "commands", {})
    if not family:
        parts += [f".SH SYNOPSIS\n{make_usage(f'onlyme {name}', command)}", ".SH DESCRIPTION\n"]
        parts += [format_text(command.help or ""), make_options(command, ".SH")]
    else:
        parts.append(
            f".SH SYNOPSIS\n\\fBonlyme {escape(name)}\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n"
        )
        parts.append(f".SH DESCRIPTION\n{format_text(command.help or '')}.SH COMMANDS\n")
        parts += [part for each in walk_family(name, command) for part in each]
    return "".join([*parts, EXIT_STATUS, ".SH SEE ALSO\nonlyme(1)\n"])


def walk_family(words: str, command: Any) -> Iterator[list[str]]:
    """Yield the parts of each command of a family, however deep."""
    for name, child in command.commands.items():
        if getattr(child, "commands", {}):
            yield from walk_family(f"{words} {name}", child)
        else:
            usage = make_usage(f"onlyme {words} {name}", child)
            yield [
                f'.SS "{escape(f"{words} {name}")}"\n{usage}',
                ".PP\n",
                format_text(child.help or ""),
                make_options(child, ""),
            ]


def make_title(name: str, section: int) -> str:
    date = datetime.fromtimestamp(int(environ.get("SOURCE_DATE_EPOCH", "0")), UTC)
    return f'.TH {name.upper()} {section} "{date:%Y-%m-%d}" "onlyme {onlyme.__version__}"\n'


def make_usage(words: str, command: Any) -> str:
    arguments = [format_usage(p) for p in command.params if p.param_type_name == "argument"]
    rest = " ".join(["[OPTIONS]", *arguments])
    return f"\\fB{escape(words)}\\fR {escape(rest)}\n"


def make_options(command: Any, heading: str) -> str:
    rows = "".join(
        f".TP\n\\fB{escape(format_name(param).replace('`', ''))}\\fR\n"
        f"{escape(format_meaning(param).replace('`', '')) or '…'}\n"
        for param in command.params
        if param.name not in LEFT_OUT
    )
    return f"{heading} OPTIONS\n{rows}" if heading and rows else rows


def first_sentence(command: Any) -> str:
    text = " ".join((command.help or "").strip().split("\n\n")[0].split())
    return re.split(r"(?<=\.)\s", text)[0]


def format_text(text: str) -> str:
    """Return a help text as paragraphs, with example calls as they are."""
    out = []
    for paragraph in text.strip().split("\n\n"):
        lines = [line.strip() for line in paragraph.splitlines()]
        if all(line.startswith(("onlyme ", "sudo ")) for line in lines):
            out.append(".PP\n.nf\n" + "".join(f"    {escape(line)}\n" for line in lines) + ".fi\n")
        else:
            out.append(".PP\n" + escape(" ".join(lines)) + "\n")
    return "".join(out)


def escape(text: str) -> str:
    """Return text for roff: backslashes, hyphens, and dots and quotes that begin a line."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


if __name__ == "__main__":
    sys.exit(main())
