"""Settings changed in the page: written into the user's file, asked about where they loosen."""

import tomllib
from itertools import pairwise

import pytest

from onlyme.errors import SettingsError
from onlyme.faceid import wiring
from onlyme.gate.policy import DEFAULT_POLICY
from onlyme.serve.routes.settings import CHOICES, RATES, loosens
from onlyme.settings import SYSTEM_CONFIG, SYSTEM_VAULT, Settings
from tests.serve.browsing import visit

TEXT = '# mine\nvault = "/somewhere"\nfar = 1e-5\n'


@pytest.fixture
def file(monkeypatch, tmp_path):
    """The user's file of settings, which the service of the test's process writes."""
    path = tmp_path / "config" / "config.toml"
    path.parent.mkdir()
    path.write_text(TEXT, "utf-8")
    monkeypatch.setenv("ONLYME_CONFIG", str(path))
    return path


def send(shown, **query):
    """Ask as the page does; return status and answer."""
    return shown.page.evaluate(
        """async query => {
          const path = `/v1/service/settings?${new URLSearchParams(query)}`;
          const answer = await fetch(path, { method: "POST" });
          return [answer.status, await answer.json()]; }""",
        query,
    )


def test_a_setting_is_written_beside_the_others_and_counts_from_the_next_start(
    window, served, file
):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("settings")
        assert page.input_value("#set-far") == "0.00001", "what the file says, not what is in force"
        page.select_option("#set-liveness", "challenge")
        page.click("[aria-label='Set Photos and screens']")
        page.wait_for_selector("#told:has-text('starts anew')")
        assert not page.locator("dialog").count()
        page.wait_for_selector(".setting:has(#set-liveness) .tag:has-text('challenge')")
        assert "liveness = off" in page.inner_text(".settings"), "it is in force until then"
        shown.keep("settings-changed")
        assert not shown.violations()
        shown.see("audit")
        page.wait_for_selector(".log:has-text('liveness = challenge, was off')")
    assert file.read_text("utf-8").startswith(TEXT)
    assert tomllib.loads(file.read_text("utf-8")) == {
        "vault": "/somewhere",
        "far": 1e-5,
        "liveness": "challenge",
    }
    assert Settings.load().liveness == "challenge"


def test_what_lets_more_in_is_asked_about(window, served, file):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("settings")
        page.select_option("#set-far", "0.01")
        for answer in ("Escape", "yes"):
            page.click("[aria-label='Set New people']")
            page.wait_for_selector("dialog[open]:has-text('1 in 100,000 becomes 1 in 100')")
            assert page.evaluate("document.activeElement.textContent") == "Cancel"
            if answer == "Escape":
                page.keyboard.press("Escape")
                page.wait_for_selector("dialog", state="detached")
                assert file.read_text("utf-8") == TEXT
            else:
                page.click("dialog .danger")
        page.wait_for_selector("#told:has-text('starts anew')")
    assert tomllib.loads(file.read_text("utf-8"))["far"] == 0.01


LOOSER = [("far", "0.1"), ("fpir", "0.1"), ("attention", "off")]


@pytest.mark.parametrize(("name", "value"), LOOSER)
def test_the_service_itself_wants_a_yes(window, served, file, name, value):
    with visit(window, served, expected=["400"]) as shown:
        assert send(shown, name=name, value=value)[0] == 400
        assert file.read_text("utf-8") == TEXT
        assert send(shown, name=name, value=value, yes=True)[0] == 200
    assert str(tomllib.loads(file.read_text("utf-8"))[name]) == value


def test_tries_are_lowered_at_once_and_raised_after_a_yes(window, served, file):
    with visit(window, served, expected=["400"]) as shown:
        page = shown.page
        shown.see("settings")
        assert "after 5 failed tries within five minutes" in page.inner_text(".settings")
        page.select_option("#set-gate_tries", "2")
        page.click("[aria-label='Set Tries']")
        page.wait_for_selector("#told:has-text('starts anew')")
        assert not page.locator("dialog").count()
        assert send(shown, name="gate_tries", value="4")[0] == 400
        page.select_option("#set-gate_tries", "4")
        page.click("[aria-label='Set Tries']")
        page.wait_for_selector("dialog[open]:has-text('2 becomes 4')")
        page.evaluate("told.replaceChildren()")  # what was told before is no answer to this
        page.click("dialog .danger")
        page.wait_for_selector("#told:has-text('starts anew')")
    assert Settings.load().gate_tries == 4
    with wiring.open_vault(Settings.load(vault=served.settings.vault)) as admin:
        assert admin.gate.policy == DEFAULT_POLICY._replace(tries=4)


def test_what_erases_older_events_is_asked_about(window, served, file):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("settings")
        for days, is_asked in (("365", False), ("30", True), ("0", True)):
            before = file.read_text("utf-8")
            page.select_option("#set-events_days", days)
            page.click("[aria-label='Set Days of events']")
            if is_asked:
                page.wait_for_selector("dialog[open]:has-text('are erased')")
                assert not shown.violations()
                page.keyboard.press("Escape")
                page.wait_for_selector("dialog", state="detached")
                assert file.read_text("utf-8") == before
                page.click("[aria-label='Set Days of events']")
                page.click("dialog .danger")
            page.wait_for_selector(
                f"#set-events_days >> option[value='{days}'][selected]", state="attached"
            )
    assert Settings.load().events_days == 0


REFUSED = [
    *(("gate_tries", value) for value in ("0", "6", "-1", "inf")),
    ("vault", "/srv"),
    ("camera", "rtsp://user:secret@10.0.0.1/"),
    ("store", "postgresql://user@host/base"),
    ("liveness_extra", "[]"),
    ("passphrase", "secret"),
    ("unlock_intent", "enter"),
    ("liveness", "none"),
    ("liveness", 'off"\nvault = "/srv'),
    ("far", "0"),
    ("far", "nan"),
    ("far", "2"),
    ("runtime", "/usr/bin/python"),
    ("events_days", "-1"),
    ("__class__", "x"),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_nothing_else_is_written(window, served, file, name, value):
    with visit(window, served, expected=["400"]) as shown:
        status, problem = send(shown, name=name, value=value, yes=True)
    assert status == 400
    assert "secret" not in str(problem)
    assert file.read_text("utf-8") == TEXT


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ('[liveness]\nlevel = "passive"\n', "liveness", "table"),
        ("far = = 1\n", "fpir", "config.toml"),
        ('camera = """\nfar = 1\n"""\n', "far", "line by line"),
    ],
)
def test_a_file_that_cannot_be_changed_stays_as_it_is(window, served, file, text, name, words):
    file.write_text(text, "utf-8")
    value = CHOICES[name][-1] if name in CHOICES else "1e-6"
    with visit(window, served, expected=["400"]) as shown:
        status, problem = send(shown, name=name, value=value)
        shown.see("settings")
        assert shown.page.locator(".setting").count() > 5, "it is shown all the same"
    assert (status, file.read_text("utf-8")) == (400, text)
    assert words in problem["detail"]


def test_what_the_environment_sets_is_not_offered(window, served, file, monkeypatch):
    monkeypatch.setenv("ONLYME_RUNTIME", "opencv")
    with visit(window, served, expected=["400"]) as shown:
        shown.see("settings")
        assert shown.page.is_disabled("#set-runtime")
        assert shown.page.is_disabled("[aria-label='Set Speed']")
        assert send(shown, name="runtime", value="auto")[0] == 400
    assert file.read_text("utf-8") == TEXT


def test_the_settings_of_the_login_are_never_changed(window, served, monkeypatch):
    monkeypatch.setenv("ONLYME_CONFIG", str(SYSTEM_CONFIG))
    with visit(window, served, expected=["400"]) as shown:
        status, problem = send(shown, name="liveness", value="challenge")
    assert (status, "unlock config" in problem["detail"]) == (400, True)
    assert not SYSTEM_CONFIG.exists()


def test_the_system_vault_is_never_changed(window, served, file, monkeypatch):
    from dataclasses import replace

    service = served.service
    monkeypatch.setattr(service, "settings", replace(service.settings, vault=SYSTEM_VAULT))
    with visit(window, served, expected=["400"]) as shown:
        assert send(shown, name="liveness", value="challenge")[0] == 400
    assert file.read_text("utf-8") == TEXT


@pytest.mark.parametrize("scope", ["verify", "enroll", "admin", "metrics"])
def test_no_token_changes_a_setting(served, file, scope):
    query = {"name": "liveness", "value": "challenge"}
    assert served.client(scope).post("/v1/service/settings", params=query).status_code == 403
    assert file.read_text("utf-8") == TEXT


def test_every_setting_that_is_changeable_has_an_order():
    """Each step that is looser is asked about, and none that is stricter."""
    for name, choices in CHOICES.items():
        for one, other in pairwise(choices):
            assert loosens(name, other, one) is (name != "runtime")
            assert not loosens(name, one, other)
    assert loosens("gate_tries", 2.0, 3.0)
    assert not loosens("gate_tries", 3.0, 2.0)
    for name in RATES:
        assert loosens(name, 1e-4, 1e-3)
        assert not loosens(name, 1e-3, 1e-4)


def test_a_file_that_cannot_be_written_is_said(file):
    from onlyme.serve.routes.settings import _write

    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("", "utf-8")  # a file where the folder should be
    with pytest.raises(SettingsError, match=r"config\.toml"):
        _write(file, "far", 1e-5)
