"""Attack: have root start a helper whose interpreter, or whose code, another user can change."""

import os
import sys
from pathlib import Path

import pytest

from onlyme.errors import PamError
from onlyme.unlock.pam.program import find_command

BODY = "from onlyme.unlock.client.helper import main; main()\n"
PIP = """#!/bin/sh
'''exec' {python} "$0" "$@"
' '''
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root installs")


def write_script(path, head):
    path.write_text(f"{head}{BODY}")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    "head",
    [
        "#!/usr/bin/env python3\n",
        "#!/usr/bin/env -S python3 -I\n",
        "#!/bin/sh\nexec python3 /tmp/helper.py\n",
        "#!/bin/sh\n",
        f"#!/bin/bash\n'''exec' {sys.executable} \"$0\" \"$@\"\n",
        PIP.format(python="python3"),
        PIP.format(python='"$(dirname "$0")"/python3'),
        PIP.format(python="$HOME/python3"),
        PIP.format(python=f"{sys.executable} -c x"),
        f"#!{sys.executable} -c\n",
        f"#!{sys.executable} -i\n",
        "#!python3\n",
        "#!/usr/bin/perl\n",
        "",
        "\x7fELF",
    ],
)
def test_what_is_not_understood_is_refused(tmp_path, head):
    with pytest.raises(PamError, match="does not start with the path of Python"):
        find_command(write_script(tmp_path / "onlyme-pam", head))


@pytest.mark.parametrize("form", ["#!{python}\n", PIP])
def test_the_python_of_another_place_is_refused(tmp_path, form):
    """Its packages are not those that were checked."""
    fake = tmp_path / "bin/python3"
    fake.parent.mkdir()
    fake.symlink_to(sys.executable)
    script = write_script(tmp_path / "onlyme-pam", form.format(python=fake))
    with pytest.raises(PamError, match="belongs to another installation"):
        find_command(script)
    fake.unlink()
    with pytest.raises(PamError, match="does not exist"):
        find_command(script)


@pytest.mark.parametrize("form", ["#!{python}\n", PIP])
def test_what_others_can_change_is_refused_in_each_form(tmp_path, monkeypatch, form):
    folder = tmp_path / "bin"
    folder.mkdir()
    python = folder / "python3"
    python.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(python))
    script = write_script(tmp_path / "onlyme-pam", form.format(python=python))
    assert find_command(script) == (str(python), "-I", str(script))
    folder.chmod(0o777)
    with pytest.raises(PamError, match="can be changed by other users than root"):
        find_command(script)


# ------------------------------------------------------------------- and what must still work


@pytest.mark.parametrize("form", ["#!{python}\n", "#!{python} -I\n", "#!{python} -sP\n", PIP])
def test_each_form_that_is_understood_is_started_isolated(tmp_path, form):
    script = write_script(tmp_path / "onlyme-pam", form.format(python=sys.executable))
    assert find_command(script) == (sys.executable, "-I", str(script))
    assert Path(find_command()[0]).is_file()  # the one of this installation
