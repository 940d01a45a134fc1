"""Nothing that a scheduler or worker sends is believed, run or printed as it comes."""

import json
import subprocess
import sys

import numpy as np
import pytest

from onlyme.errors import OnlymeError, SettingsError, UsageError
from onlyme.faceid.cluster.place import check_place
from onlyme.faceid.cluster.replies import (
    MAX_REPLY,
    Networks,
    ReplyRefused,
    read_networks,
    read_reply,
    write_reply,
)
from onlyme.faceid.photo_tasks import ExaminedPhoto
from onlyme.types import Embedding, Quality, QualityCheck
from tests.faceid.clusters import make_certificates
from tests.processes import list_modules

OURS = Networks("0.1", "f" * 64, "s" * 64, reads_heic=True, spills=False)
DIGEST = "d" * 64
MODELS = ("m", 4), ("s" * 64, 2)


def make_reply(by=OURS, /, **changes):
    """A right reply, with some of its values changed."""
    vector, second = np.eye(4, dtype=np.float32)[0], np.eye(2, dtype=np.float32)[1]
    photo = ExaminedPhoto(
        "bytes",
        Embedding(vector, "m", second, "s" * 64),
        Quality((QualityCheck("size", 80.0, "pixels", ok=True),)),
        "shows 2 faces",
        is_unsure=True,
    )
    document = json.loads(write_reply(by, DIGEST, photo))
    for name, value in changes.items():
        (document if name in document else document["photo"])[name] = value
    return json.dumps(document)


def read(text):
    return read_reply(text, OURS, DIGEST, "me.jpg", MODELS)


def test_a_right_reply_is_read_as_it_was_written():
    photo = read(make_reply())
    assert photo.source == "me.jpg"
    assert photo.embedding.vector.tolist() == [1, 0, 0, 0]
    assert photo.embedding.second.tolist() == [0, 1]
    assert (photo.note, photo.is_unsure) == ("shows 2 faces", True)
    assert photo.quality.checks[0].value == 80.0
    none = read(make_reply(vector=None, second=None, checks=None, note="no face found"))
    assert (none.embedding, none.quality, none.note) == (None, None, "no face found")


NAN, INFINITE = float("nan"), float("inf")
HOSTILE = {
    "NaN": {"vector": [NAN, 0.0, 0.0, 1.0]},
    "infinite": {"vector": [INFINITE, 0.0, 0.0, 1.0]},
    "huge": {"vector": [1e300, 0.0, 0.0, 1.0]},
    "not of unit length": {"vector": [0.5, 0.0, 0.0, 0.0]},
    "zeros": {"vector": [0.0] * 4},
    "too short": {"vector": [1.0, 0.0, 0.0]},
    "too long": {"vector": [1.0] + [0.0] * 4},
    "two people": {"vector": [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]},
    "words": {"vector": ["1", "0", "0", "0"]},
    "truth": {"vector": [True, False, False, False]},
    "text": {"vector": "AAAA"},
    "empty": {"vector": []},
    "second: NaN": {"second": [NAN, 1.0]},
    "second: other length": {"second": [1.0]},
    "second: alone": {"vector": None},
    "no reason": {"vector": None, "second": None, "note": ""},
    "note: for a terminal": {"note": "\x1b]0;owned\x07"},
    "note: two lines": {"note": "a\nb"},
    "note: long": {"note": "a" * 2000},
    "note: a list": {"note": ["a"]},
    "checks: many": {"checks": [{}] * 50},
    "checks: words": {"checks": "good"},
    "checks: NaN": {
        "checks": [{"name": "size", "value": NAN, "unit": "", "ok": True, "advice": ""}]
    },
    "checks: more": {
        "checks": [{"name": "a", "value": 1.0, "unit": "", "ok": True, "advice": "", "x": 1}]
    },
    "unsure: a number": {"unsure": 1},
    "another photo": {"digest": "e" * 64},
    "photo: none": {"photo": None},
    "photo: a list": {"photo": [1]},
    "networks: none": {"networks": None},
    "networks: other kinds": {"networks": OURS._asdict() | {"spills": "no"}},
    "networks: for a terminal": {"networks": OURS._asdict() | {"version": "\x1b[2J"}},
}


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
def test_what_cannot_be_is_refused(changes):
    with pytest.raises(ReplyRefused) as caught:
        read(make_reply(**changes))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "null", '"x"', "[" * 90_000, "x" * (MAX_REPLY + 1), None, b"{}", 7, '{"a": 1}'],
)
def test_what_is_no_reply_is_refused(text):
    with pytest.raises(ReplyRefused):
        read(text)
    with pytest.raises(ReplyRefused):
        read_networks(text)


@pytest.mark.parametrize("field", Networks._fields)
def test_a_worker_with_anything_else_is_refused(field):
    """Also one that joins while a run goes on: each reply says which networks made it."""
    value = getattr(OURS, field)
    other = OURS._replace(**{field: not value if isinstance(value, bool) else f"{value}x"})
    with pytest.raises(ReplyRefused, match="other networks or another version"):
        read(make_reply(other))


def test_a_failure_is_told_in_its_words():
    with pytest.raises(ReplyRefused, match="sface is missing"):
        read(json.dumps({"failed": "sface is missing"}))
    with pytest.raises(ReplyRefused, match="cannot be printed"):
        read(json.dumps({"failed": "\x1b[2J"}))


PICKLES = """
import os, sys
import distributed
from distributed import protocol
from distributed.protocol.serialize import Serialize, ToPickle, to_serialize
from onlyme.faceid.cluster.courier import refuse_pickles

class Evil:
    def __reduce__(self):
        return os.mkdir, (sys.argv[1],)

sent = [protocol.dumps({"a": kind(Evil())}) for kind in (ToPickle, Serialize)]
sent.append(protocol.dumps({"a": to_serialize(Evil())}, serializers=["pickle"]))
raw = protocol.pickle.dumps(Evil())
refuse_pickles()
import logging; logging.disable()
for frames in sent:
    assert protocol.loads(frames) == {"a": None}
    assert not os.path.exists(sys.argv[1]), "it was run"
for load in (protocol.pickle.loads, distributed.client.loads, distributed.client.pickle.loads):
    assert load(raw) is None
assert protocol.loads(protocol.dumps({"a": [1, "b"]})) == {"a": (1, "b")}
sent = protocol.dumps({"a": to_serialize("b")}, serializers=["msgpack"])
assert protocol.loads(sent) == {"a": "b"}
"""


def test_no_pickle_of_a_scheduler_is_run(tmp_path):
    command = [sys.executable, "-c", PICKLES, tmp_path / "evil"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "evil").exists()


# --------------------------------------------------------------- address and certificates


@pytest.mark.parametrize("address", ["tcp://host:8786", "ws://host:80", "inproc://1", "http://h:1"])
def test_an_open_scheduler_is_refused_with_the_reason(address, tmp_path):
    with pytest.raises(UsageError, match="runs the code of anybody"):
        check_place(address, tmp_path)


@pytest.mark.parametrize(
    "address", ["", "host:8786", "tls://host", "tls://host:0", "tls://host:70000", "TLS://h:1",
                "tls://h:1/x", "tls://user@h:1", "tls://h:1\n", "tls://-:1 --x"],
)  # fmt: skip
def test_another_address_is_refused(address, tmp_path):
    with pytest.raises(UsageError, match="tls://host:8786"):
        check_place(address, tmp_path)


@pytest.fixture
def certificates(tmp_path):
    return make_certificates(tmp_path / "certificates")


def test_right_certificates_are_accepted(certificates):
    place = check_place("tls://[::1]:8786", certificates)
    assert place.key == certificates / "caller.key"


def test_certificates_are_needed():
    with pytest.raises(UsageError, match="--certificates DIR"):
        check_place("tls://host:1", None)


@pytest.mark.parametrize("name", ["ca.pem", "caller.pem", "caller.key"])
def test_a_certificate_that_cannot_be_used_is_named(certificates, name):
    path = certificates / name
    path.write_bytes(b"nothing")
    with pytest.raises(SettingsError, match="cannot be used"):
        check_place("tls://host:1", certificates)
    path.unlink()
    with pytest.raises(SettingsError, match=f"{name} cannot be read"):
        check_place("tls://host:1", certificates)


def test_the_key_must_belong_to_the_certificate(certificates):
    (certificates / "caller.key").write_bytes((certificates / "worker.key").read_bytes())
    with pytest.raises(SettingsError, match="must belong"):
        check_place("tls://host:1", certificates)


def test_a_key_with_a_passphrase_asks_nobody(certificates):
    from cryptography.hazmat.primitives import serialization

    path = certificates / "caller.key"
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    path.write_bytes(
        key.private_bytes(*encoding, serialization.BestAvailableEncryption(b"four words"))
    )
    with pytest.raises(SettingsError, match="without a passphrase"):
        check_place("tls://host:1", certificates)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(certificates, mode):
    (certificates / "caller.key").chmod(mode)
    with pytest.raises(SettingsError, match="chmod 600"):
        check_place("tls://host:1", certificates)


def test_dask_is_loaded_by_nobody_but_the_courier():
    code = "import onlyme.faceid.cluster.engine, onlyme.faceid.bulk, onlyme.cli.evaluate"
    loaded = list_modules(f"{code}, onlyme.faceid.cluster.courier")
    assert not {name.partition(".")[0] for name in loaded} & {"dask", "distributed", "tornado"}
    assert "onlyme.faceid.cluster" not in list_modules("import onlyme.faceid.bulk")


def test_an_error_is_an_onlyme_error():
    assert issubclass(ReplyRefused, OnlymeError)
