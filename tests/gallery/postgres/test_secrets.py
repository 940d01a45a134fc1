"""An attacker who gets all of a gallery's database learns no face and no name."""

import subprocess
import sys

import numpy as np
import pytest

from onlyme.errors import SettingsError, VaultDamaged
from onlyme.faceid import networks, wiring
from onlyme.settings import Settings
from tests.gallery.postgres.test_moving import found, opened
from tests.locks import copied

NAME = "Zebedee Quillfeather"


def forms(vectors):
    """A vector in the forms that a search may meet: bytes of several kinds, and text."""
    for vector in vectors:
        for kind in ("<f4", ">f4", "<f2", ">f2", "<f8", ">f8"):
            # Part of it is enough, and two neighbours could not be there by chance.
            yield vector[:4].astype(kind).tobytes()
            yield vector[-4:].astype(kind).tobytes()
        yield ",".join(map(str, vector[:2])).encode()


def log_without_headers(path):
    """A segment of the write-ahead log as its records flow; a header begins each page of 8 kB."""
    content = path.read_bytes()
    pages = [content[at : at + 8192] for at in range(0, len(content), 8192)]
    return b"".join(page[24 if number else 40 :] for number, page in enumerate(pages))


def test_neither_dump_nor_files_hold_an_embedding_or_a_name(
    server, places, crowd, settings, tmp_path
):
    settings = Settings.load(vault=settings.vault, store=places())
    base = networks.load_base(settings)
    wiring.upgrade_store(settings, base)
    keeping, everybody = opened(settings, settings.store)
    with keeping:
        gallery = everybody.ensure_gallery()
        people, directions = crowd.people(30, photos=2)
        planted = type(people[0])(NAME, people[0].me)
        gallery.put([planted, *people[1:]])
        gallery.store.build_index(1)
        gallery.find_nearest(base.project(crowd.photos(directions[0], 2)), 3)
        gallery.put([gallery.get([NAME])[NAME]])  # once more, so that there is a dead row too
        heads = base.project(planted.me)
        mean = heads.mean(axis=0)
        raw = [*planted.me, *heads, mean / np.linalg.norm(mean)]
        row = gallery.store.rows([gallery.make_row_key(NAME)])[gallery.make_row_key(NAME)]
        everybody.close()
    server.query("postgres", "CHECKPOINT")
    held = [server.dump("postgres")]
    files = [path for path in server.data.rglob("*") if path.is_file()]
    held += [path.read_bytes() for path in files]
    held += [log_without_headers(path) for path in files if path.parent.name == "pg_wal"]
    held.append(server.log().encode())

    def where(secret):
        return [content for content in held if secret in content]

    # What does lie there is found: the search itself works, in dump, files and write-ahead log.
    assert where(row.key.hex().encode())
    assert len(where(row.vector.astype("<f4").tobytes())) >= 2
    assert len(where(row.sealed)) >= 2
    for word in (NAME, NAME.upper(), "Quillfeather"):
        for coding in ("utf-8", "utf-16-le", "utf-16-be"):
            assert not where(word.encode(coding))
        assert not where(word.encode().hex().encode())
    for secret in forms(raw):
        assert not where(secret)
        assert not where(secret.hex().encode())


def test_rows_that_the_administrator_swaps_or_bends_open_nothing(server, places, crowd, settings):
    settings = Settings.load(vault=settings.vault, store=places())
    wiring.upgrade_store(settings, networks.load_base(settings))
    keeping, everybody = opened(settings, settings.store)
    with keeping:
        gallery = everybody.ensure_gallery()
        people, directions = crowd.people(12)
        gallery.put(people)
        place = settings.store.rpartition("search_path%3D")[2].partition("%2C")[0]
        one, other = (gallery.make_row_key(people[at].name).hex() for at in (0, 1))
        # The vector of one under the key of another: found, and judged by the sealed record.
        swap = (
            f"UPDATE {place}.onlyme_template SET vector = (SELECT vector FROM "  # noqa: S608 - a schema of this test
            f"{place}.onlyme_template WHERE key = '\\x{one}') WHERE key = '\\x{other}'"
        )
        server.query("postgres", swap)
        assert gallery.get([people[1].name])[people[1].name].me == pytest.approx(people[1].me)
        # The sealed record of one under the key of another does not open.
        server.query("postgres", swap.replace("vector", "sealed"))
        with pytest.raises(VaultDamaged):
            found(gallery, crowd, [directions[0]])
        everybody.close()


def test_servers_with_copies_of_one_vault_share_a_gallery(places, crowd, settings, tmp_path):
    address = places()
    wiring.upgrade_store(
        Settings.load(vault=settings.vault, store=address), networks.load_base(settings)
    )
    keeping, everybody = opened(settings, address)
    with keeping:
        gallery = everybody.ensure_gallery()
        people, directions = crowd.people(5)
        gallery.put(people[:3])
        copied(settings.vault, tmp_path / "second")
        second = Settings.load(vault=tmp_path / "second")
        other_keeping, other_everybody = opened(second, address)
        with other_keeping:
            other = other_everybody.gallery
            wanted = [person.name for person in people]
            assert found(other, crowd, directions[:3]) == wanted[:3]
            other.put(people[3:])
            assert found(gallery, crowd, directions) == wanted
            gallery.remove([people[0].name])
            assert people[0].name not in found(other, crowd, directions)
            other_everybody.close()
        everybody.close()


def test_another_vaults_gallery_is_not_read(places, crowd, settings, tmp_path):
    address = places()
    wiring.upgrade_store(
        Settings.load(vault=settings.vault, store=address), networks.load_base(settings)
    )
    keeping, everybody = opened(settings, address)
    stranger, stranger_everybody = opened(Settings.load(vault=tmp_path / "strange"), address)
    with keeping, stranger:
        everybody.ensure_gallery().put(crowd.people(3)[0])
        with pytest.raises(VaultDamaged):
            stranger_everybody.ensure_gallery().salts()
        everybody.close()
        stranger_everybody.close()


# ------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    "wrong",
    [
        "mysql://u:hunter2@h/d",
        "hunter2",
        "postgresqls://u:hunter2@h/d",
        "postgresql+psycopg://\x1b",
    ],
)
def test_a_store_that_cannot_be_one_is_not_repeated(wrong):
    with pytest.raises(SettingsError, match="must be `vault` or an address") as refused:
        Settings.load(store=wrong)
    assert "hunter2" not in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_settings_that_are_printed_do_not_show_the_address():
    printed = repr(Settings.load(store="postgresql+psycopg://ada:hunter2@host/faces"))
    assert "hunter2" not in printed


def test_without_the_extra_the_answer_says_what_to_install(monkeypatch, settings):
    for module in [
        name for name in sys.modules if name.startswith("onlyme.gallery.stores.postgres")
    ]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    elsewhere = Settings.load(vault=settings.vault, store="postgresql+psycopg:///faces")
    with pytest.raises(SettingsError, match=r"needs sqlalchemy; .*-m pip install"):
        wiring.open_template_store(elsewhere, networks.load_base(settings))


def test_a_gallery_beside_the_vault_loads_nothing_of_postgresql(tmp_path):
    code = (
        "import sys; from onlyme import FaceID\n"
        "from pathlib import Path\n"
        "with FaceID.open(Path(sys.argv[1])) as face_id:\n"
        "    face_id._enrolled.ensure_gallery().salts()\n"
        "print(*sorted({'sqlalchemy', 'psycopg', 'alembic', 'pgvector'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "vault")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.strip() == ""
