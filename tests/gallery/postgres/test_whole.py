"""The whole way on real photos: a folder of people goes into PostgreSQL, and is found there."""

import json
import shutil

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
