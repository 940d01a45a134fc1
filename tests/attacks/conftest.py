"""Provide what attacks on the computer's login need: real PAM, the real daemon, two users."""

from tests.unlock.conftest import empty, enrolled, stack

__all__ = ["empty", "enrolled", "stack"]
