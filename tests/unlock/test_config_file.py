"""The settings file is changed line by line, and never into one that the daemon cannot read."""

import tomllib
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlyme.errors import SettingsError
from onlyme.settings import Settings, check_values
from onlyme.settings.config_file import (
    change_setting,
    list_marked,
    parse_value,
    read_text,
    write_config_file,
)
from onlyme.unlock.config_file import describe_settings, make_config_file, write_login_settings

NAMES = sorted({field.name for field in fields(Settings)})


def test_every_setting_has_a_meaning():
    assert set(describe_settings()) == set(NAMES)


def test_every_comment_shows_the_true_default():
    """With all comments of a setting made lines, the file is read, and changes nothing."""
    shown = [
        line.removeprefix("# ")
        for line in make_config_file().splitlines()
        if line.startswith("# ") and " = " in line and line.split(" = ")[0][2:] in NAMES
    ]
    values = check_values(tomllib.loads("\n".join(line for line in shown if "…" not in line)))
    assert len(values) >= 15
    for name, value in values.items():
        assert value == {field.name: field.default for field in fields(Settings)}[name], name


@given(
    st.sampled_from(["camera", "unlock_confirm", "socket"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), min_size=1),
)
def test_any_text_is_written_so_that_it_is_read_again(name, value):
    text = change_setting(make_config_file(), name, value)
    assert tomllib.loads(text) == {name: value}
    assert change_setting(text, name, None) == make_config_file()


@pytest.mark.parametrize(
    "text", ["", 'camera = "1"', "# mine\n[table]\nx = 1\n", 'camera = "1" # why\n\n# end\n']
)  # fmt: skip
def test_every_other_line_stays(text):
    changed = change_setting(text, "camera", "2", mark="me")
    assert 'camera = "2"  # me\n' in changed
    assert list_marked(changed, "me") == ["camera"]
    others = [line for line in text.splitlines() if not line.startswith("camera")]
    assert [line for line in changed.splitlines() if not line.startswith("camera")] == others


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("unlock_lid", "perhaps"),
        ("unlock_far", "2"),
        ("unlock_far", "nan"),
        ("nonsense", "1"),
        ("unlock_after_lock_seconds", "-1"),
        ("camera", "a\nb"),
    ],
)
def test_what_the_daemon_could_not_read_is_not_written(name, value):
    with pytest.raises(SettingsError):
        parse_value(name, value)


@pytest.mark.parametrize(
    "text",
    [
        'camera = ""',
        'vault = "here"',
        'socket = "onlyme.sock"',
        'key_file = "../key"',
        'models = "./models"',
        'anchor = "x"',
        'anchor = ""',
    ],
)
def test_what_depends_on_the_folder_that_a_daemon_starts_in_is_refused(text, tmp_path, monkeypatch):
    path = tmp_path / "config.toml"
    monkeypatch.setenv("ONLYME_CONFIG", str(path))
    write_login_settings('camera = "1"\nvault = "/var/lib/x"\n')
    with pytest.raises(SettingsError):
        write_login_settings(text)
    assert path.read_text() == 'camera = "1"\nvault = "/var/lib/x"\n'


@pytest.mark.parametrize(
    ("typed", "meant"), [("camra", "camera"), ("unlock_fra", "unlock_far"), ("Vault", "vault")]
)
def test_a_mistyped_setting_leads_to_the_one_that_is_meant(typed, meant):
    with pytest.raises(SettingsError, match=f"did you mean {meant}"):
        parse_value(typed, "1")


@pytest.mark.parametrize(
    "text",
    [
        "camera = ",
        "camera = 1.5",
        'unlock_lid = "x"',
        "[[[",
        "[liveness]\n",
        '[liveness]\nlevle = "off"\n',
        '[[liveness.extra]]\npath = "net.onnx"\n',
    ],
)
def test_a_file_that_is_wrong_leaves_the_old_one(tmp_path, text):
    path = tmp_path / "onlyme" / "config.toml"
    write_config_file(path, 'camera = "1"\n')
    with pytest.raises(SettingsError):
        write_config_file(path, text)
    assert path.read_text() == 'camera = "1"\n'
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_byte_order_mark_is_no_part_of_the_first_setting(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text('camera = "1"\n', "utf-8-sig")
    assert tomllib.loads(change_setting(read_text(path), "camera", "2")) == {"camera": "2"}
