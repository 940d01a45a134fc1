"""The whole way on real photos: a folder of people goes into PostgreSQL, and is found there."""

import json
import shutil

import numpy as np
import pytest

from onlyme import FaceID
from onlyme.errors import VaultDamaged
from onlyme.faceid import networks
from onlyme.faceid.backup import back_up, describe_dump, restore_whole
from onlyme.faceid.wiring import assemble, open_vault, upgrade_store
from onlyme.gallery.gallery import GalleryPerson
from onlyme.gallery.rekey import renew
from onlyme.settings import Settings
from tests.gallery.postgres.test_moving import ended

OBAMA = ("obama_1.jpg", "obama_2.jpg")


def test_people_are_enrolled_found_listed_and_forgotten(server, places, photos, tmp_path, run):
    address = places()
    crowd = tmp_path / "crowd"
    for name, pictures in (("obama", OBAMA), ("biden", ("biden_1.jpg",))):
        (crowd / name).mkdir(parents=True)
        for picture in pictures:
            shutil.copy(photos / picture, crowd / name)
    ended(run("store", "upgrade", store=address))
    ended(run("enroll-folder", str(crowd), store=address))
    status = json.loads(ended(run("store", "status", "--json", store=address)))
    assert (status["people"], status["complete"]) == (2, True)

    shown = str(photos / "obama_4.jpg")
    answer = json.loads(ended(run("identify", shown, "--json", store=address)))
    assert (answer["accepted"], answer["name"]) == (True, "obama")
    assert "biden" in ended(run("list", store=address))
    ended(run("forget", "obama", store=address))
    gone = run("identify", shown, "--json", store=address)
    answer = json.loads(gone.communicate(timeout=120)[0])
    assert (gone.returncode, answer["accepted"]) == (1, False)
    status = json.loads(ended(run("store", "status", "--json", store=address)))
    assert status["people"] == 1


def test_a_backup_of_the_vault_and_a_dump_of_the_database_belong_together(database, tmp_path):
    settings = Settings.load(vault=tmp_path / "vault", store=database)
    upgrade_store(settings, networks.load_base(settings))
    with FaceID(assemble(settings)) as face_id:
        twice = {"second": np.eye(1, 192, dtype=np.float32), "second_model": "ab" * 32}
        face_id._enrolled.ensure_gallery().put(
            [GalleryPerson("ada", np.eye(1, 128, dtype=np.float32), **twice)]
        )
    with open_vault(settings) as admin:
        early = back_up(settings, admin, tmp_path / "early")
        late = back_up(settings, admin, tmp_path / "late")
        assert "pg_dump" in describe_dump(settings, late)
    with pytest.raises(VaultDamaged, match="does not hold the gallery of this backup"):
        restore_whole(settings, early, lambda _: None)
    kept = restore_whole(settings, early, lambda _: None, keep_gallery=True)
    assert kept.members == restore_whole(settings, late, lambda _: None).members == 1
    with FaceID(assemble(settings)) as face_id:
        assert face_id._enrolled.names() == ["ada"]
        renew(face_id._enrolled.ensure_gallery())
        assert face_id._enrolled.get("ada").second.tolist() == twice["second"].tolist()
