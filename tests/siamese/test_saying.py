"""Messages are in plain words, and numbers of a face are never printed."""

import argparse
import json
import re
import shlex
import sys
from dataclasses import asdict
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from onlyme.errors import UsageError
from onlyme.siamese.certificate import make_certificate
from onlyme.siamese.distance import check_unit_rows, normalize
from onlyme.siamese.head import Base
from onlyme.siamese.learning import learn_owner

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import train_head

MODEL = "487a139eb85ccd5ff30aef7d0add7f12d2bb7abb90c5f08a7f481b452a660e00"


@pytest.fixture(scope="module")
def owner():
    generator = np.random.default_rng(1)
    me = normalize(
        normalize(generator.standard_normal(128)) + 0.06 * generator.standard_normal((5, 128))
    )
    return learn_owner(Base.load(MODEL), me.astype(np.float32))


def test_the_shipped_head_was_trained_with_the_recipe():
    card = json.loads(
        resources.files("onlyme.siamese").joinpath(f"base-{MODEL[:12]}.json").read_text()
    )
    assert card["head"] == {"start": "within-class whitening", **asdict(train_head.RECIPE)}


def test_the_recipe_in_the_tool_has_the_settings_of_the_shipped_base():
    """A test that trains it again would take most of an hour; the tool's --compare does that."""
    path = resources.files("onlyme.siamese").joinpath(f"base-{MODEL[:12]}.json")
    card = json.loads(path.read_text())
    command = re.search(
        r"python tools/train_head.py (lfw_dev.*?)\n\n", train_head.__doc__, re.DOTALL
    )
    words = shlex.split(command[1].replace("\\\\\n", " ").replace("\\\n", " "))
    args = train_head.make_parser().parse_args(words)
    plan = train_head.choose_plan(args)
    assert (plan.repeats, plan.folds, plan.seed) == (card["repeats"], card["folds"], card["seed"])
    assert plan.counted_from == card["counted_from"]
    assert list(train_head.choose_ways(args)) == card["effects"]
    assert (args.folder.name, args.also.name) == (
        card["data"]["source"],
        card["data"]["also"]["source"],
    )
    assert asdict(train_head.choose_recipe(args)).items() <= card["head"].items()
    assert args.compare.name == f"base-{MODEL[:12]}.npz"


def test_two_bases_are_compared_array_by_array(tmp_path):
    np.savez(tmp_path / "base.npz", mean=np.array([1.0, 2.0]), cohort=np.zeros((2, 2), np.int8))
    arrays = {"mean": np.array([1.0, 2.5]), "cohort": np.zeros((3, 2), np.int8), "new": np.ones(1)}
    told = train_head.compare_bases(arrays, tmp_path / "base.npz")
    assert told[0] == "cohort: shape (3, 2), in the file (2, 2)"
    assert told[1] == "mean: differs by 0.5 at most, its largest number is 2"
    assert told[2].startswith("new: shape (1,)")


def test_a_run_without_options_trains_with_the_recipe(monkeypatch, tmp_path):
    seen = []

    def stop(parsed: argparse.Namespace) -> None:
        seen.append(made(parsed))
        raise SystemExit

    made = train_head.choose_recipe
    monkeypatch.setattr(train_head, "choose_recipe", stop)
    for options in ([], ["--ridge", "7"]):
        with pytest.raises(SystemExit):
            train_head.main([str(tmp_path), *options])
    assert seen[0] == train_head.RECIPE
    assert seen[1].ridge == 7.0


def test_a_repr_holds_no_numbers_of_a_face(owner):
    for thing in (owner, owner.not_me, owner.base):
        assert "array" not in repr(thing)
    planted = np.float32(0.123456)
    thing = Base.make_plain("0" * 64, 4)
    me = np.array([[planted, np.sqrt(1 - planted**2), 0, 0]], np.float32)
    learned = learn_owner(thing, me, me)
    for shown in (repr(learned), repr(learned.not_me), repr(learned.base)):
        assert "0.1234" not in shown


@pytest.mark.parametrize("hostile", [[[10**400, 0, 0]], np.eye(3) * 1j, np.eye(3, dtype=complex)])
def test_numbers_that_are_none_are_refused_in_words(hostile):
    with pytest.raises(UsageError, match="me: "):
        check_unit_rows(hostile, 3, "me")


def test_the_report_is_in_plain_words(owner):
    assert not owner.has_owner_head
    assert "standard deviations" not in owner.report.why
    assert not any(letter.isdigit() for letter in owner.report.why)


def test_the_certificate_says_who_judged_whom(owner):
    found = make_certificate(owner, far=1e-4)
    assert found.counted_photos == 5
    said = found.sentences()[1]
    assert "owners with 5 photos" in said
    assert "by matching rules trained in the same way without them" in said
    assert "the rule in use was then trained on all of them" in said
