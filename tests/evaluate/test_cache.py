"""The cache saves time, keeps to itself, and is never believed blindly."""

import stat

import numpy as np
import pytest

from onlyme.errors import ImageError, UsageError
from onlyme.evaluate.cache import embed_files, erase_cache

MODEL, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def photos(tmp_path):
    paths = [tmp_path / f"{number}.jpg" for number in range(4)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 10)
    return paths


class Embedder:
    """One-hot by the first byte; byte 2 has no face, byte 3 is broken."""

    def __init__(self):
        self.asked = []

    def __call__(self, path):
        self.asked.append(path.name)
        first = path.read_bytes()[0]
        if first == 3:
            raise ImageError(str(path), "broken")
        return None if first == 2 else np.eye(8, dtype=np.float32)[first]


def run(photos, folder, model=MODEL):
    embedder = Embedder()
    seen = []
    result = embed_files(
        photos, embedder, model=model, folder=folder, progress=lambda *step: seen.append(step)
    )
    assert seen == [("embeddings", done, len(photos)) for done in range(1, len(photos) + 1)]
    return result, embedder.asked


def test_the_second_run_computes_nothing(photos, tmp_path):
    first, asked = run(photos, tmp_path / "cache")
    again, asked_again = run(photos, tmp_path / "cache")
    assert (len(asked), asked_again) == (4, [])
    assert (first.computed, again.computed) == (4, 0)
    for result in (first, again):
        assert result.vectors.tolist() == np.eye(8)[:2].tolist()
        assert result.rows.tolist() == [0, 1]
        assert result.unusable == (2, 3)


def test_without_a_folder_nothing_is_kept(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    for _ in range(2):
        result, asked = run(photos, None)
        assert (result.computed, len(asked)) == (4, 4)
    assert not (tmp_path / "home").exists()
    assert len(list(tmp_path.iterdir())) == len(photos)


def test_bytes_and_model_make_the_key_not_the_name(photos, tmp_path):
    run(photos, tmp_path / "cache")
    photos[0].rename(tmp_path / "renamed.jpg")
    photos[1].write_bytes(b"\x05changed")
    _, asked = run([tmp_path / "renamed.jpg", photos[1]], tmp_path / "cache")
    assert asked == ["1.jpg"]
    _, asked = run(photos[2:], tmp_path / "cache", OTHER)
    assert len(asked) == 2


def test_only_the_owner_can_look_in_and_no_name_is_kept(photos, tmp_path):
    folder = tmp_path / "deep" / "cache"
    run(photos, folder)
    (file,) = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"jpg" not in file.read_bytes()


def test_an_interrupted_run_keeps_what_it_has(photos, tmp_path):
    class Stop(Embedder):
        def __call__(self, path):
            if len(self.asked) == 1:
                raise KeyboardInterrupt
            return super().__call__(path)

    with pytest.raises(KeyboardInterrupt):
        embed_files(photos, Stop(), model=MODEL, folder=tmp_path / "cache")
    _, asked = run(photos, tmp_path / "cache")
    assert asked == ["1.jpg", "2.jpg", "3.jpg"]


def arrays(keys=((0,) * 32,), faces=(True,), vectors=((1.0,),), kinds=("u1", "?", "f4")):
    names = {"keys": keys, "faces": faces, "vectors": vectors}
    return {
        name: np.array(values, kind)
        for (name, values), kind in zip(names.items(), kinds, strict=True)
    }


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 not a zip",
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00\x34\x00{'descr': '<f4', 'fortran_order': False, 'shape': ()}",
        {"keys": np.array([object()])},
        {},
        arrays(vectors=((np.nan,),)),
        arrays(vectors=((2.0,),)),
        arrays(faces=(True, True)),
        arrays(vectors=((1.0,), (1.0,))),
        arrays(kinds=("u1", "?", "f8")),
        arrays(keys=((0,) * 31,)),
    ],
)
def test_a_damaged_cache_is_replaced(photos, tmp_path, content):
    folder = tmp_path / "cache"
    folder.mkdir()
    file = folder / f"{MODEL}.npz"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        np.savez(file, **content)
    assert len(run(photos, folder)[1]) == 4
    assert run(photos, folder)[1] == []


def test_erase_removes_the_embeddings_and_nothing_else(photos, tmp_path):
    run(photos, tmp_path)
    run(photos, tmp_path, OTHER)
    (tmp_path / "mine.npz").touch()
    assert erase_cache(tmp_path) == 2
    assert (tmp_path / "mine.npz").exists()
    assert erase_cache(tmp_path) == erase_cache(tmp_path / "none") == 0


@pytest.mark.parametrize("model", ["", "a" * 63, "../" + "a" * 61, "A" * 64])
def test_a_model_is_a_hash(photos, tmp_path, model):
    with pytest.raises(UsageError):
        embed_files(photos, Embedder(), model=model, folder=tmp_path)


def test_what_cannot_be_done_is_said(photos, tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        run([tmp_path / "none.jpg"], tmp_path / "cache")
    with pytest.raises(UsageError, match="cannot be written"):
        run(photos, photos[0])
    with pytest.raises(UsageError, match="unit length"):
        embed_files(photos, lambda _: np.ones(4), model=MODEL, folder=tmp_path / "cache")


def test_no_photo_gives_no_row(tmp_path):
    result, _ = run([], tmp_path / "cache")
    assert result.vectors.shape == (0, 0)
