"""What a token that is no admin's learns of a face that was rejected."""

from dataclasses import replace

import pytest

from onlyme.serve.access.auth import Caller
from onlyme.serve.access.tokens import Scope
from onlyme.serve.routes.shared import redact_for
from onlyme.types import Decision, Reason

# Reasons that do not depend on whose face it is. All others are given as `no_match`.
SHOWN = {Reason.MATCH, Reason.NO_MATCH, Reason.NO_FACE, Reason.MANY_FACES, Reason.LOCKED_OUT}


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("reason", Reason)
def test_each_scope_is_told_its_part(reason, scope):
    accepted = reason is Reason.MATCH
    decision = Decision(accepted=accepted, name="ada", reason=reason)
    decision = replace(decision, margin=0.1, alpha=0.2)
    told = redact_for(decision, Caller("app", scope, 20.0))
    if scope is Scope.ADMIN:
        assert told["reason"] == reason
        assert told["margin"] == 0.1
    else:
        shown = reason if reason in SHOWN else Reason.NO_MATCH
        assert told == {"accepted": accepted, "name": "ada", "reason": shown}


def test_a_poor_picture_is_told_apart_by_admins_only(running, photos):
    """The same poor picture gave `poor_quality` for a stranger and `no_match` for the owner."""
    import io

    from PIL import Image

    with Image.open(photos / "sunak_1.jpg") as image:
        out = io.BytesIO()
        image.resize((140, 140 * image.height // image.width)).point(lambda v: v // 5).save(
            out, "JPEG"
        )
    frame = {"frame": ("x.jpg", out.getvalue())}
    path = "/v1/names/obama/verify"
    assert running.client("admin").post(path, files=frame).json()["reason"] == "poor_quality"
    assert running.client("verify").post(path, files=frame).json()["reason"] == "no_match"
