"""A login through real PAM, with the real daemon and videos as its camera."""

import pytest

from .conftest import clip, show
from .stack import OTHER, OTHER_PASSWORD, PASSWORD, USER

pytestmark = pytest.mark.data


def test_the_owner_opens_without_a_password_and_nobody_else_does(stack, data):
    with stack.daemon():
        opened = stack.login()
        assert opened.opened, (opened, stack.log())
        assert not opened.asked
        attacks = {
            clip(data, OTHER): "does not match",
            clip(data, USER, "replay"): "a photo or a screen",
        }
        for video, words in attacks.items():
            show(stack, video)
            refused = stack.login()
            assert not refused.opened
            assert refused.asked
            assert words in refused.words
            assert stack.login(password=PASSWORD).opened
        show(stack, clip(data, OTHER))
        assert stack.login(OTHER).opened
        assert not stack.login(USER).opened
        assert stack.login(OTHER, OTHER_PASSWORD).opened
