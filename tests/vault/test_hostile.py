import pytest

from tests.vault.hostility import KINDS, hostile_runs


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    return hostile_runs(tmp_path_factory.mktemp("hostile") / "vaults", 500, seed=6)


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_done_is_noticed_or_changes_nothing(outcomes, kind):
    assert outcomes[kind, "noticed"] >= 20


def test_swapped_and_put_back_rows_are_always_noticed(outcomes):
    assert outcomes["swap", "without effect"] == 0
    assert outcomes["roll back rows", "without effect"] == 0
