"""Many people are enrolled by workers behind a real Dask scheduler, over TLS."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from onlyme import FaceID
from onlyme.errors import OnlymeError, UsageError
from tests.faceid.clusters import Cluster, make_certificates, wait_until
from tests.faceid.test_bulk import enrolled, small

pytestmark = [pytest.mark.xdist_group("cluster"), pytest.mark.timeout(900)]


@pytest.fixture
def cluster(tmp_path):
    (tmp_path / "cluster").mkdir()
    made = Cluster(tmp_path / "cluster")
    yield made
    made.close()


@pytest.fixture
def people(tmp_path, photos):
    """Two people, one of them with two photos, and a file that is no picture."""
    folder = tmp_path / "people"
    for number in (1, 2):
        small(photos / f"obama_{number}.jpg", folder / "obama" / f"{number}.jpg")
    small(photos / "macron_1.jpg", folder / "macron" / "1.jpg")
    (folder / "macron" / "broken.jpg").write_bytes(b"no picture")
    (folder / "macron" / "raw.dng").write_bytes(b"II*\0" + b"\0" * 60)
    (folder / "macron" / "away.jpg").symlink_to(folder / "nowhere.jpg")
    return folder


def by_cluster(cluster, **more):
    return {"scheduler": cluster.address, "certificates": cluster.certificates} | more


def list_people(face_id):
    return {one.name: one for one in face_id.gallery_people()}


def test_a_cluster_enrolls_what_our_own_workers_enroll(cluster, people, tmp_path, monkeypatch):
    monkeypatch.setenv("ONLYME_PASSPHRASE", "four good words")
    monkeypatch.setenv("ONLYME_KEY", "passphrase")
    cluster.start_workers(2)
    found = []
    for options in ({"workers": 1}, by_cluster(cluster)):
        with FaceID.open(tmp_path / f"vault {len(options)}") as face_id:
            result = face_id.enroll_folder(people, look_for_duplicates=False, **options)
            found.append((list_people(face_id), result))
            again = face_id.enroll_folder(people, look_for_duplicates=False, add=True, **options)
            assert (again.looked_at, again.unchanged) == (1, 2)  # the one that could not be read
    (ours, own), (theirs, other) = found
    assert own.refused == other.refused
    assert len(other.refused) == 3
    assert (own.photos, own.looked_at, other.workers) == (other.photos, other.looked_at, 2)
    assert set(ours) == set(theirs) == {"obama", "macron"}
    for name, person in ours.items():
        assert np.allclose(person.me, theirs[name].me, atol=1e-6)
        assert np.allclose(person.second, theirs[name].second, atol=1e-6)
        assert person.files == theirs[name].files


def test_the_courier_has_no_key_and_the_workers_no_names(cluster, people, tmp_path, monkeypatch):
    from onlyme.faceid.cluster.engine import ClusterEngine
    from onlyme.settings import Settings

    for name in ("ONLYME_PASSPHRASE", "ONLYME_VAULT", "DASK_CONFIG"):
        monkeypatch.setenv(name, "four good words")
    cluster.start_workers(1)
    settings = Settings.load(vault=tmp_path / "vault")
    with ClusterEngine(cluster.address, cluster.certificates, settings) as engine:
        environment = Path(f"/proc/{engine._running.pid}/environ").read_bytes()
        open_files = Path(f"/proc/{engine._running.pid}/fd")
        files = [str(link.readlink()) for link in open_files.iterdir() if link.is_symlink()]
    assert b"four good words" not in environment
    assert b"PATH=" in environment
    assert not [file for file in files if "vault" in file]
    log = (cluster.folder / "worker-0.log").read_text()
    assert "obama" not in log
    assert "macron" not in log


@pytest.fixture
def hundreds(tmp_path, data):
    """More than two hundred photos of real people."""
    folder, count = tmp_path / "hundreds", 0
    folder.mkdir()
    for person in sorted((data / "lfw_dev").iterdir()):
        if person.is_dir() and count < 220:
            (folder / person.name).symlink_to(person)
            count += len(list(person.iterdir()))
    return folder


@pytest.mark.data
def test_killed_workers_and_ctrl_c_lose_and_double_nobody(cluster, hundreds, tmp_path):
    vault = tmp_path / "vault"
    command = [sys.executable, "-m", "onlyme", "enroll-folder", hundreds, "--vault", vault]
    command += ["--scheduler", cluster.address, "--certificates", cluster.certificates]
    command += ["--no-twins", "--json"]

    def start():
        return subprocess.Popen(
            list(map(str, command)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    cluster.start_workers(3)
    with start() as process:
        wait_until(lambda: enrolled(vault) > 0 or process.poll() is not None, 300)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in told
    with FaceID.open(vault) as face_id:
        before = {name: one.record for name, one in list_people(face_id).items()}
    assert before
    with start() as process:
        for number, victim in enumerate(cluster.workers[:3]):
            seen = enrolled(vault)
            wait_until(lambda seen=seen: enrolled(vault) > seen or process.poll() is not None, 300)
            victim.kill()
            if number < 2:
                cluster.start_workers(1)
        output, told = process.communicate(timeout=600)
    assert process.returncode == 0, told
    document = json.loads(output)
    with FaceID.open(vault) as face_id:
        after = {name: one.record for name, one in list_people(face_id).items()}
    assert before.items() <= after.items()  # nobody was enrolled again
    refused = {one["name"] for one in document["refused"] if not one["file"]}
    assert set(after) | refused == {person.name for person in hundreds.iterdir()}
    assert not set(after) & refused
    assert len(after) == enrolled(vault) == document["enrolled"] + document["unchanged"]
    crashed = [one for one in document["refused"] if "crashed" in one["why"]]
    assert crashed == []


def test_what_has_another_authority_gets_nothing(cluster, people, face_id, tmp_path):
    other = make_certificates(tmp_path / "other")
    cluster.start_worker(certificates=other)
    cluster.start_workers(1)
    with pytest.raises(OnlymeError, match=r"their certificates are of .*other/ca\.pem"):
        face_id.enroll_folder(people, scheduler=cluster.address, certificates=other)
    assert list(face_id.gallery_people()) == []
    result = face_id.enroll_folder(people, look_for_duplicates=False, **by_cluster(cluster))
    assert (result.enrolled, result.workers) == (2, 1)  # the stranger among the workers is not one
    assert cluster.count_lines("worker-0", "Registered to") == 0


def test_no_worker_is_missed_while_dask_asks_the_scheduler_by_its_clock(cluster):
    """Its answer has no workers, and took the place of ours: the workers seemed to be gone."""
    import dask.config
    from distributed import Client
    from distributed.security import Security

    from onlyme.faceid.cluster.courier import _list_workers

    cluster.start_workers(1)
    place = cluster.certificates
    security = Security(
        tls_ca_file=str(place / "ca.pem"),
        tls_client_cert=str(place / "caller.pem"),
        tls_client_key=str(place / "caller.key"),
        require_encryption=True,
    )
    with (
        dask.config.set({"distributed.client.scheduler-info-interval": "1ms"}),
        Client(cluster.address, security=security, set_as_default=False, timeout=120) as client,
    ):
        assert {len(_list_workers(client)) for _ in range(300)} == {1}


OTHERS = {
    "another version": ("remote.__version__ = '9.9'", r"has onlyme 9\.9"),
    "other networks": (
        "from onlyme.face.pipeline import Pipeline\nPipeline.fingerprint = lambda self: 'f' * 64",
        "other networks",
    ),
    "a missing network": (
        (
            "from onlyme.errors import ModelMissing as M; from onlyme.faceid import networks as n; "
            "n.make_pipeline = lambda *_, **__: (_ for _ in ()).throw(M('sface is missing'))"
        ),
        "sface is missing",
    ),
    "a full memory on the disk": ("", "may write photos to its disk"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_one_worker_that_differs_refuses_the_whole_cluster(cluster, people, face_id, what):
    code, words = OTHERS[what]
    (cluster.folder / "other.py").write_text(f"from onlyme.faceid.cluster import remote\n{code}\n")
    spill = {"DASK_DISTRIBUTED__WORKER__MEMORY__SPILL": "0.7"} if not code else {}
    cluster.start_workers(1)
    cluster.start_workers(1, "--preload", cluster.folder / "other.py", **spill)
    with pytest.raises(OnlymeError, match=words):
        face_id.enroll_folder(people, **by_cluster(cluster))
    assert list(face_id.gallery_people()) == []


HOSTILE = {
    "NaN": "re.sub(r'\"vector\": \\[[^,]+', '\"vector\": [NaN', reply)",
    "another photo": "examine(b'another', options, enroll=enroll)",
    "a pickle": "Evil()",
    "an exception": "1 / 0",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_reply_enrolls_nobody(cluster, people, face_id, tmp_path, what):
    (cluster.folder / "hostile.py").write_text(
        "import os, re\n"
        "from onlyme.faceid.cluster import remote\n"
        "examine = remote.right = getattr(remote, 'right', remote.examine)\n"  # loaded twice
        "class Evil:\n"
        f"    def __reduce__(self): return os.mkdir, ({str(tmp_path / 'evil')!r},)\n"
        "def lie(content, options, *, enroll):\n"
        "    reply = examine(content, options, enroll=enroll)\n"
        f"    return {HOSTILE[what]}\n"
        "remote.examine = lie\n"
    )
    cluster.start_workers(1, "--preload", cluster.folder / "hostile.py")
    with pytest.raises(OnlymeError):
        face_id.enroll_folder(people, **by_cluster(cluster))
    assert list(face_id.gallery_people()) == []
    assert not (tmp_path / "evil").exists()


def test_a_scheduler_that_goes_away_is_told(cluster, people, face_id):
    cluster.start_workers(1)
    cluster.scheduler.kill()
    cluster.scheduler.wait()
    start = time.monotonic()
    with pytest.raises(OnlymeError, match="cannot be used"):
        face_id.enroll_folder(people, **by_cluster(cluster))
    assert time.monotonic() - start < 120


def test_a_cluster_evaluates_as_this_process_does(cluster, people, photos, tmp_path):
    small(photos / "obama_3.jpg", people / "obama" / "3.jpg")
    small(photos / "macron_2.jpg", people / "macron" / "2.jpg")
    cluster.start_workers(1)
    command = [
        sys.executable,
        "-m",
        "onlyme",
        "evaluate",
        people,
        "--photos",
        1,
        "--json",
        "--strata",
    ]
    more = ["--scheduler", cluster.address, "--certificates", cluster.certificates]
    found = []
    (people / "macron" / "away.jpg").unlink()
    for words in ([], [*more, "--cache", tmp_path / "cache"]):
        done = subprocess.run(
            list(map(str, [*command, *words])), capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    own, other = ({**document, "created": ""} for document in found)
    assert own == other
    assert own["strata"]


def test_workers_and_a_scheduler_contradict(face_id, people, tmp_path):
    with pytest.raises(UsageError, match="either workers"):
        face_id.enroll_folder(people, workers=2, scheduler="tls://h:1", certificates=tmp_path)
    assert os.listdir(tmp_path / "vault")  # noqa: PTH208 - only the vault, without a gallery
