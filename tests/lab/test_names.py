"""What `onlyme.lab` hands on, and that it loads torch only when it is needed."""

import subprocess
from pathlib import Path

import pytest

import onlyme.lab


def test_each_name_that_is_handed_on_can_be_used():
    for name in onlyme.lab.__all__:
        assert getattr(onlyme.lab, name) is not None
        assert name in dir(onlyme.lab)
    from onlyme.lab import evaluate, export, finetune, train, train_identities

    assert all(map(callable, (evaluate, export, finetune, train, train_identities)))
    with pytest.raises(AttributeError, match="nothing_like_it"):
        onlyme.lab.nothing_like_it  # noqa: B018 - reading it is the test


def test_the_lab_itself_loads_no_torch(environment):
    code = "import sys, onlyme.lab; from onlyme.lab import Photos; sys.exit('torch' in sys.modules)"
    done = subprocess.run([environment["PYTHON"], "-c", code], env=environment, check=False)
    assert done.returncode == 0


def test_the_lab_stays_small():
    folder = Path(onlyme.lab.__file__).parent
    assert sum(len(path.read_text("utf-8").splitlines()) for path in folder.rglob("*.py")) <= 7000
