from tests.vault.killing import killed_runs


def test_a_vault_opens_after_kill_9_with_the_old_or_the_new_state(tmp_path):
    doing = killed_runs(tmp_path / "vault", 25, seed=9)
    assert sum(doing.values()) == 25
    assert len(doing) >= 3  # the blows fell in the middle of different changes
