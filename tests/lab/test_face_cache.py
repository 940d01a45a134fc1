"""Aligned faces that are read once, mapped from files, and prepared ahead of the network."""

import os
import stat
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from onlyme.lab import people as people_module
from onlyme.lab.batch_reader import BatchReader
from onlyme.lab.face_cache import FaceCache, forget_pages
from onlyme.lab.people import IdentitySampler, People, read_people


@pytest.fixture
def album(people, tmp_path):
    """Five people with three photos each, and a file that is no photo."""
    folder = tmp_path / "album"
    for name, faces in zip("abcde", people.faces, strict=False):
        (folder / name).mkdir(parents=True)
        for number, face in enumerate(faces[:3]):
            assert cv2.imwrite(str(folder / name / f"{number}.png"), face[..., ::-1])
    (folder / "empty").mkdir()
    return folder


@pytest.fixture
def counting(load_drawn):
    """A loader, and the files that it has read."""
    read = []

    def load(path):
        read.append(path)
        return load_drawn(path)

    return load, read


def mapped(faces):
    while isinstance(faces, np.ndarray):
        faces = faces.base
    return faces is not None


def test_photos_are_read_once_and_then_mapped(album, counting, tmp_path, monkeypatch):
    monkeypatch.setattr(people_module, "_SHARD_PEOPLE", 2)
    load, read = counting
    plain = read_people(album, load)
    assert len(read) == 15
    cache = FaceCache(tmp_path / "kept", "one")
    first, second = (read_people(album, load, cache=cache) for _ in range(2))
    assert len(read) == 30
    for kept in (first, second):
        assert kept.names == plain.names
        assert kept.fingerprint == plain.fingerprint
        assert kept.skipped == plain.skipped
        assert all(np.array_equal(a, b) for a, b in zip(kept.faces, plain.faces, strict=True))
        assert all(mapped(faces) for faces in kept.faces)
    chosen = kept.select(np.array([False, True, True, False, True]))
    assert chosen.fingerprint == People(chosen.names, chosen.faces).fingerprint
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o700
        modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "kept").iterdir()}
        assert modes == {0o600}


def test_what_changed_is_read_again_and_nothing_else(album, counting, tmp_path, monkeypatch):
    monkeypatch.setattr(people_module, "_SHARD_PEOPLE", 2)
    load, read = counting
    read_people(album, load, cache=FaceCache(tmp_path / "kept", "one"))
    (album / "e" / "0.png").unlink()
    read.clear()
    changed = read_people(album, load, cache=FaceCache(tmp_path / "kept", "one"))
    assert {path.parent.name for path in read} == {"e"}
    assert len(changed.faces[4]) == 2
    read.clear()
    read_people(album, load, cache=FaceCache(tmp_path / "kept", "another network"))
    assert len(read) == 14
    read.clear()
    read_people(album, load, max_photos=1, cache=FaceCache(tmp_path / "kept", "one"))
    assert len(read) == 5


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("harm", ["gone", "short", "empty", "other"])
def test_a_damaged_shard_is_read_again(album, counting, tmp_path, suffix, harm):
    load, read = counting
    cache = FaceCache(tmp_path / "kept", "one")
    whole = read_people(album, load, cache=cache).fingerprint
    (file,) = (tmp_path / "kept").glob(f"*{suffix}")
    content = file.read_bytes()
    if harm == "gone":
        file.unlink()
    else:
        harmed = {"short": content[: len(content) // 2], "empty": b"", "other": b"x" * 5000}
        file.write_bytes(harmed[harm])
    read.clear()
    again = read_people(album, load, cache=cache)
    assert len(read) == 15
    assert again.fingerprint == People(again.names, again.faces).fingerprint == whole


def test_a_reading_that_was_cut_short_goes_on(album, counting, tmp_path, monkeypatch):
    monkeypatch.setattr(people_module, "_SHARD_PEOPLE", 2)
    load, read = counting

    def stop(path):
        if path.parent.name == "d":
            raise KeyboardInterrupt
        return load(path)

    cache = FaceCache(tmp_path / "kept", "one")
    with pytest.raises(KeyboardInterrupt):
        read_people(album, stop, cache=cache)
    read.clear()
    read_people(album, load, cache=cache)
    assert {path.parent.name for path in read} == {"c", "d", "e"}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux for the memory")
def test_mapped_faces_do_not_pile_up_in_the_process(tmp_path):
    """1.5 GB of faces, all read, of which less than 300 MB stay."""
    path = tmp_path / "faces.npy"
    shape = (40_000, 112, 112, 3)
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape).flush()
    faces = np.load(path, mmap_mode="r")
    people = People(
        tuple(map(str, range(4000))), tuple(np.asarray(part) for part in np.split(faces, 4000)),
        known_hashes=tuple(np.zeros(10, np.uint64) for _ in range(4000)),
    )  # fmt: skip
    batches = IdentitySampler(people, 32, 4)

    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before = resident()
    for first in range(0, len(faces), 500):
        assert batches.read(np.arange(first, first + 500)).shape == (500, 112, 112, 3)
    assert resident() - before < 300e6
    forget_pages([np.zeros((1, 2, 2, 3), np.uint8)])  # not mapped: nothing happens


def test_a_batch_does_not_depend_on_the_processes_or_on_what_was_read_before(people):
    batches = IdentitySampler(people, 4, 3, seed=5)
    one = BatchReader(batches, 5, 20)
    whole, labels = one.get(3)
    whole = whole.clone()
    assert not torch.equal(one.get(4)[0], whole)
    assert torch.equal(BatchReader(batches, 5, 20).get(3)[0], whole)
    for world in (2, 3):
        shares = [BatchReader(batches, 5, 20, rank=r, world=world).get(3) for r in range(world)]
        for rank, (share, order) in enumerate(shares):
            assert torch.equal(share, whole[rank::world])
            assert torch.equal(order, torch.cat([labels[r::world] for r in range(world)]))
    assert not torch.equal(BatchReader(batches, 6, 20).get(3)[0], whole)
    one.close()


def test_an_error_in_a_thread_that_prepares_batches_reaches_the_training(people):
    batches = IdentitySampler(people, 4, 3)
    batches.labels = batches.labels[:2]  # as if a file had become shorter
    with pytest.raises(IndexError):
        BatchReader(batches, 0, 5).get(0)
