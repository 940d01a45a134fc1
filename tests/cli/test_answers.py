"""Exit codes, words and JSON of each command, on real photos."""

import json
import os
import stat
import subprocess
from datetime import datetime

import pytest

from tests.cli.conftest import OBAMA, ONLYME, refused

DECISION = {
    "accepted",
    "name",
    "reason",
    "margin",
    "alpha",
    "far",
    "liveness",
    "frames",
    "timings_ms",
}


def document(done, code=0):
    """The one JSON document that a command printed."""
    assert done.returncode == code, done.stderr
    assert done.stdout.startswith(("{", "["))
    return json.loads(done.stdout)  # more than one document, or a word beside it, is an error


# ------------------------------------------------------------------------ enroll


def test_enroll_says_photo_by_photo_and_then_what_it_came_to(onlyme, photos, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    done = onlyme("enroll", "obama", *(photos / name for name in OBAMA), broken)
    assert done.returncode == 0
    told = done.stderr.splitlines()
    assert [line.split()[0] for line in told] == ["✓", "✓", "✓", "✗"]
    assert "broken.jpg: " in told[3]
    assert "obama is enrolled with 3 of 4 photos" in done.stdout
    assert "set for 1 in 10,000 strangers (estimate)" in done.stdout
    assert "tip:" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr, "colours in a pipe"
    assert stat.S_IMODE(onlyme.vault.stat().st_mode) == 0o700
    assert stat.S_IMODE((onlyme.vault / "vault.sqlite").stat().st_mode) == 0o600


def test_enroll_as_json(onlyme, photos):
    done = onlyme(
        "enroll", "obama", photos / OBAMA[0], "--not-me", photos / "biden_1.jpg", "--json"
    )
    said = document(done)
    assert done.stderr == ""
    assert (said["name"], said["taken"], len(said["me"]), len(said["not_me"])) == ("obama", 1, 1, 1)
    assert said["far"] == pytest.approx(1e-4, rel=0.01)
    assert datetime.fromisoformat(said["created"]).tzinfo is not None
    checks = {check["name"]: check for check in said["me"][0]["quality"]["checks"]}
    assert {"size", "sharpness", "exposure", "yaw"} <= set(checks)


def test_enroll_takes_a_folder_and_a_look_alike(onlyme, photos, tmp_path):
    folder = tmp_path / "me"
    folder.mkdir()
    for name in OBAMA:
        (folder / name).symlink_to(photos / name)
    assert onlyme("enroll", "obama", folder, "--look-alike", photos / "biden_1.jpg").returncode == 0
    (entry,) = document(onlyme("list", "--json"))
    assert (entry["photos"], entry["look_alikes"]) == (3, 1)


def test_a_taken_name_wants_add_or_replace(obama, photos):
    third = photos / "obama_3.jpg"
    assert "--add" in refused(obama("enroll", "obama", third))
    assert "not both" in refused(obama("enroll", "obama", third, "--add", "--replace"))
    assert obama("enroll", "obama", third, "--add").returncode == 0
    assert document(obama("list", "--json"))[0]["photos"] == 4
    assert obama("enroll", "obama", third, "--replace").returncode == 0
    assert document(obama("list", "--json"))[0]["photos"] == 1


def test_photos_of_two_people_are_refused_and_nobody_is_enrolled(onlyme, photos):
    done = onlyme("enroll", "x", photos / OBAMA[0], photos / "biden_1.jpg")
    assert "different people" in refused(done)
    assert "no person is enrolled yet; `onlyme enroll NAME PHOTO…`" in onlyme("list").stdout


# ---------------------------------------------------------------- verify, identify


def test_the_owner_is_0_and_anybody_else_1(obama, photos):
    owner = obama("verify", "obama", photos / "obama_3.jpg")
    assert owner.returncode == 0
    assert owner.stdout.startswith("✓ obama   margin +")
    assert "Liveness was not checked" in owner.stderr
    stranger = obama("verify", "obama", photos / "biden_1.jpg")
    assert stranger.returncode == 1
    assert stranger.stdout.startswith("✗ NOT obama   margin ")


def test_a_decision_as_json(obama, photos):
    owner = document(obama("verify", "obama", photos / "obama_3.jpg", "--json"))
    assert set(owner) == DECISION
    assert owner["accepted"] is True
    assert owner["margin"] >= owner["alpha"]
    assert owner["liveness"] == {"level": "off", "verdict": None, "score": None, "note": ""}
    stranger = document(obama("verify", "obama", photos / "sunak_1.jpg", "--json"), code=1)
    assert (stranger["accepted"], stranger["reason"]) == (False, "no_match")


def test_a_picture_without_a_face_is_a_rejection_not_an_error(obama, tmp_path):
    from PIL import Image

    Image.new("RGB", (320, 240), "grey").save(tmp_path / "grey.png")
    done = obama("verify", "obama", tmp_path / "grey.png", "--json")
    assert document(done, code=1)["reason"] == "no_face"
    assert "no face" in obama("verify", "obama", tmp_path / "grey.png").stdout


def test_identify(obama, photos):
    assert document(obama("identify", photos / "obama_3.jpg", "--json"))["name"] == "obama"
    stranger = obama("identify", photos / "macron_1.jpg")
    assert (stranger.returncode, stranger.stdout) == (1, "✗ no enrolled person\n")


# ------------------------------------------------- tune, certificate, not-me, forget


def test_tune_and_certificate(obama):
    tuned = obama("tune", "obama", "--far", "1e-5")
    assert tuned.returncode == 0
    assert "set for 1 in 100,000 strangers (estimate)" in tuned.stdout
    assert "obama is rejected by mistake in about 0." in tuned.stdout
    assert "NOT_ME" in tuned.stdout
    assert "↑ alpha" in tuned.stdout
    certificate = obama("certificate", "obama").stdout
    assert "Proven: " in certificate
    assert "Not covered: identical twins" in certificate
    said = document(obama("certificate", "obama", "--json"))
    assert said["confidence"] == 0.95
    assert said["far"] == pytest.approx(1e-5, rel=0.01)
    low = document(obama("tune", "obama", "--alpha", "-0.5", "--yes", "--json"))
    assert (low["alpha"], low["alpha_before"]) == (-0.5, pytest.approx(said["alpha"]))


def test_that_was_not_me_and_back(obama, photos):
    taught = document(obama("not-me", "obama", photos / "biden_1.jpg", "--json"))
    assert taught["margin_after"] < taught["margin_before"]
    undone = obama("not-me", "obama", "--undo")
    assert undone.returncode == 0
    assert "that face:  margin " in undone.stdout
    assert "nothing to undo" in refused(obama("not-me", "obama", "--undo"))


def test_a_face_that_may_be_the_own_is_not_taught_unasked(obama, photos):
    """The file beside the one that was meant must not spoil the owner's recognition."""
    before = document(obama("verify", "obama", photos / "obama_3.jpg", "--json"))["margin"]
    said = refused(obama("not-me", "obama", photos / "obama_3.jpg", "--json"))
    assert "is accepted as obama now" in said
    assert "--yes" in said
    assert document(obama("verify", "obama", photos / "obama_3.jpg", "--json"))["margin"] == before
    taught = document(obama("not-me", "obama", photos / "obama_3.jpg", "--yes", "--json"))
    assert taught["margin_after"] < taught["margin_before"] == pytest.approx(before)


def test_a_person_of_the_gallery_is_not_called_unknown(obama, photos, tmp_path):
    (tmp_path / "people").mkdir()
    (tmp_path / "people/joe.jpg").write_bytes((photos / "biden_1.jpg").read_bytes())
    assert obama("enroll-folder", tmp_path / "people", "--flat").returncode == 0
    assert "is in the gallery" in refused(obama("not-me", "joe", photos / "obama_3.jpg"))


@pytest.mark.parametrize(("answer", "code"), [("n", 2), ("", 2), ("y", 0)])
def test_a_terminal_is_asked_before_the_own_face_is_taught(obama, photos, answer, code):
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*ONLYME, "not-me", "obama", str(photos / "obama_3.jpg")],
        env=obama.environment(),
        stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    said = b""
    while b"[y/N]" not in said:
        said += os.read(ours, 1000)
    os.write(ours, f"{answer}\n".encode())
    assert process.wait(60) == code
    os.close(ours)
    assert obama("not-me", "obama", "--undo").returncode == code  # there is something to undo


@pytest.mark.parametrize(
    "words",
    [
        ("serve", "key"),
        ("serve", "link"),
        ("serve", "token", "create", "door", "--scope", "verify"),
        ("serve", "token", "list"),
        ("serve", "token", "revoke", "door"),
        ("import", "no-such-file"),
        ("import", __file__),
        ("not-me", "ada", "ada.jpg"),
        ("backup",),
        ("rekey",),
        ("adapt", "ada", "--on"),
        ("tune", "ada", "--far", "1e-4"),
    ],
    ids=" ".join,
)
def test_what_needs_a_vault_makes_none(onlyme, words):
    said = refused(onlyme(*words))
    assert words[0] == "import" or "`onlyme enroll`" in said
    assert not onlyme.vault.exists()


def test_forget(obama):
    assert obama("forget", "obama").stdout == "obama is forgotten\n"
    assert document(obama("list", "--json")) == []
    assert "onlyme enroll" in refused(obama("forget", "obama"))


def test_forget_as_json(obama):
    said = document(obama("forget", "obama", "--json"))
    assert said == {"name": "obama", "forgotten": True}


def test_a_template_of_another_network_does_not_hide_the_others(obama, photos, tmp_path):
    """A user tries a network of their own, then goes back."""
    import hashlib

    from onlyme.face.models import find_model

    # The same network with a line of description more: another file, another hash.
    other = find_model("embedder").read() + b"\x32\x01x"
    models = tmp_path / "models"
    models.mkdir()
    (models / "own.onnx").write_bytes(other)
    (models / "manifest.toml").write_text(
        f'[own]\nfile = "own.onnx"\nsha256 = "{hashlib.sha256(other).hexdigest()}"\n'
        'title = "own"\nlicence = "MIT"\norigin = "us"\nneeded_for = "trying"\n'
        "dimension = 128\nsize = 112\n"
    )
    obama.variables["ONLYME_MODELS"] = models
    done = obama("enroll", "biden", photos / "biden_1.jpg", "--embedder", "own")
    assert done.returncode == 0, done.stderr
    assert "not calibrated" in done.stdout
    first, second = document(obama("list", "--json"))
    assert (first["name"], first["needs_reenroll"]) == ("biden", True)
    assert (second["name"], second["needs_reenroll"]) == ("obama", False)
    assert "enroll again" in obama("list").stdout
    advice = refused(obama("verify", "biden", photos / "biden_1.jpg"))
    assert "--embedder own" in advice
    assert obama("verify", "biden", photos / "biden_1.jpg", "--embedder", "own").returncode == 0


# ------------------------------------------------------------------------ evaluate


def test_evaluate_writes_a_page_and_says_when_data_are_too_few(onlyme, photos, tmp_path):
    people = tmp_path / "people"
    for person, count in (("obama", 4), ("macron", 2), ("ardern", 2)):
        (people / person).mkdir(parents=True)
        for number in range(1, count + 1):
            name = f"{person}_{number}.jpg"
            (people / person / name).symlink_to(photos / name)
    page = tmp_path / "report.html"
    done = onlyme("evaluate", people, "--photos", "2", "--html", page, "--json")
    said = document(done)
    assert said["schema"].startswith("onlyme-evaluation/")
    assert "too few" in said["headline"].lower()
    text = page.read_text("utf-8")
    assert "<html" in text
    assert "http://" not in text.replace("http://www.w3.org/", "")
    assert "data:image/jpeg" not in text, "faces only when --pictures is said"
    assert "of 4 times (95 %: " in said["headline"], "the counts are told, however few"
    page.chmod(0o644)
    shown = onlyme("evaluate", people, "--photos", "2", "--html", page, "--pictures")
    assert shown.returncode == 0, shown.stderr
    assert "data:image/jpeg" in page.read_text("utf-8")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert not list(onlyme.home.rglob("*.npz")), "no embedding is stored unless --cache is given"
    wrong = onlyme("evaluate", people, "--html", tmp_path / "gone" / "report.html")
    assert "there is no such folder" in refused(wrong)


# ---------------------------------------------------- arguments that cannot be read


def test_what_can_be_read_is_learned_and_the_exit_code_says_that_not_all_was(
    onlyme, photos, tmp_path
):
    (tmp_path / "empty").mkdir()
    done = onlyme(
        "enroll", "ada", photos / "obama_1.jpg", tmp_path / "empty", tmp_path / "gone.jpg"
    )
    assert done.returncode == 2
    assert "ada is enrolled with 1 of 3 photos" in done.stdout
    assert f"not used: {tmp_path / 'empty'}" in done.stderr
    assert f"not used: {tmp_path / 'gone.jpg'}" in done.stderr
    assert onlyme("verify", "ada", photos / "obama_2.jpg").returncode == 0


def test_verify_says_why_a_picture_cannot_be_judged(obama, tmp_path):
    from PIL import Image

    Image.new("RGB", (300, 300)).save(tmp_path / "black.png")
    done = obama("verify", "obama", tmp_path / "black.png")
    assert done.returncode == 1
    assert "nearly black: turn on a light" in done.stderr


def test_verify_says_why_a_picture_is_too_poor(obama, photos, tmp_path):
    from PIL import Image, ImageFilter

    photo = Image.open(photos / "biden_1.jpg")
    blurred = photo.filter(ImageFilter.GaussianBlur(photo.width / 45))
    blurred.save(tmp_path / "blurred.png")
    done = obama("verify", "obama", tmp_path / "blurred.png")
    assert done.returncode == 1
    assert "too poor" in done.stdout
    assert "the face is blurred" in done.stderr


def test_evaluate_says_which_names_of_the_groups_it_does_not_know(obama, photos, tmp_path):
    for name in ("ardern", "macron", "obama", "biden"):
        (tmp_path / "people" / name).mkdir(parents=True)
        for photo in photos.glob(f"{name}_[1-4].jpg"):
            (tmp_path / "people" / name / photo.name).write_bytes(photo.read_bytes())
    groups = tmp_path / "groups.csv"
    groups.write_text("person,group\nobama,a\nmacron,a\nardern,b\nnemo,b\n")
    done = obama("evaluate", tmp_path / "people", "--photos", "1", "--groups", groups)
    assert done.returncode == 0, done.stderr
    assert "1 name with no usable photo in the folder: nemo" in done.stderr
    assert "1 person without a group" in done.stderr
    assert "group" in done.stdout
    cached = ("--photos", "1", "--strata", "--json", "--cache", tmp_path / "cache")
    found = []
    for _ in range(2):  # pictures are measured, whether or not their embeddings were stored
        done = obama("evaluate", tmp_path / "people", *cached)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout)["strata"])
    assert found[0]["rate"]["total"] > 0
    assert found[0]["unmeasured"] == 0
    assert found[0] == found[1]
