"""No command, service or import makes a connection, or writes where the user did not say.

All of them run, with all extras, in a machine with a default route and a name server, whose
packets are counted and whose files are compared before and after. What is not onlyme as it is
trips the same machine: a test that cannot fail would prove nothing.
"""

import signal
import sys

import pytest

from onlyme.cli.extras import find_missing, list_extras
from tests.attacks.sealed.steps import (
    FIRST_STEPS,
    IN_THE_BACKGROUND,
    ONLYME,
    STEPS,
    UNLOCK_STEPS,
    WITH_A_NETWORK,
    Step,
)
from tests.commands import list_commands
from tests.faceid.clusters import OPTIONS as CLUSTER_OPTIONS

pytestmark = [pytest.mark.xdist_group("sealed"), pytest.mark.timeout(1200)]

HOMES = {
    "a fresh home": ("/home/fresh", {}),
    "a read-only home": ("/home/sealed", {"ONLYME_RUNTIME": "openvino"}),
}


def list_elsewhere(answer, places):
    """Return what was written elsewhere than in these places."""
    parents = {parent for place in places for parent in _parents(place)}
    return [
        path
        for path in answer["written"]
        if path not in parents and not any(path == p or path.startswith(f"{p}/") for p in places)
    ]


def _parents(place):
    """A folder must be made before something can be written into it."""
    parts = place.strip("/").split("/")
    return {"/" + "/".join(parts[:count]) for count in range(1, len(parts))}


def complaints(answer, places):
    """Say all that an answer shows that must not be."""
    found = [f"sent: {packet}" for packet in answer["packets"]]
    found += [f"wrote: {path}" for path in list_elsewhere(answer, places)]
    return found + [f"left running: {name}" for name in answer["left"]]


def test_every_command_is_among_the_steps():
    tried = {step.command for step in (*STEPS, *UNLOCK_STEPS)} | {*IN_THE_BACKGROUND}
    assert tried | {*WITH_A_NETWORK} == set(list_commands())


def test_all_extras_are_here():
    assert list_extras()
    assert {extra: find_missing(extra) for extra in list_extras()} == dict.fromkeys(
        list_extras(), ()
    )


# ----------------------------------------------------------------- the machine itself


def test_openvino_as_it_comes_trips_it(sealed):
    answer = sealed.run(sys.executable, "-c", "import openvino")
    assert any("google-analytics" in packet for packet in answer["packets"])
    assert any(path.startswith("/home/fresh/intel/") for path in answer["written"])
    assert complaints(answer, ())


TRIPS = {
    "a name": "import socket; socket.getaddrinfo('example.com', 80)",
    "a datagram": "s = __import__('socket').socket(type=2); s.sendto(b'x', ('192.0.2.1', 9))",
    "a connection": "import socket; s = socket.socket(); s.setblocking(False); "
    "s.connect_ex(('192.0.2.1', 443))",
    "IPv6": "import socket; s = socket.socket(socket.AF_INET6); s.setblocking(False); "
    "s.connect_ex(('2001:db8::1', 443))",
    "a child that stays": "import subprocess; subprocess.Popen(['sh', '-c', 'sleep 1; "
    "getent hosts example.com'])",
}


@pytest.mark.parametrize("what", TRIPS)
def test_a_packet_trips_it(sealed, what):
    assert sealed.run(sys.executable, "-c", TRIPS[what])["packets"]


PLACES = ("home/fresh/.cache", "root", "tmp", "var/tmp", "etc", "dev/shm")


@pytest.mark.parametrize("folder", PLACES)
def test_a_file_trips_it(sealed, folder):
    path = f"/{folder}/x"
    answer = sealed.run("sh", "-c", f"mkdir -p $(dirname {path}); echo 1 > {path}")
    assert complaints(answer, ["/home/fresh/.local/share/onlyme"]) == [f"wrote: {path}"]
    changed = sealed.run("sh", "-c", f"echo 22 > {path}")
    assert path in changed["written"]
    assert path in sealed.run("rm", path)["written"]


def test_what_is_allowed_does_not_trip_it(sealed):
    assert complaints(sealed.run(sys.executable, "-c", "print(1)"), ()) == []
    code = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); "
        "socket.create_connection(s.getsockname())"
    )
    assert complaints(sealed.run(sys.executable, "-c", code), ()) == []


# -------------------------------------------------------------------- onlyme in it


@pytest.fixture(scope="module", params=HOMES)
def user(request, sealed):
    """A user's home, variables, and the places where commands may write."""
    home, variables = HOMES[request.param]
    vault = f"{home}/.local/share/onlyme"
    if home == "/home/sealed":
        vault = str(sealed.work / "vault")
        variables = variables | {"ONLYME_VAULT": vault}
    sealed.run("sh", "-c", f"rm -rf {sealed.work}/out && mkdir {sealed.work}/out")
    made = home, variables, [vault, f"{sealed.work}/out"]
    assert [one for step in FIRST_STEPS for one in run(sealed, made, step)] == []
    return made


def run(sealed, user, step):
    home, variables, places = user
    words = step.arguments.format(work=sealed.work, vault=places[0]).split()
    command = [*ONLYME, *step.command.split(), *words]
    answer = sealed.run(*command, home=home, stdin=step.stdin, **variables | dict(step.variables))
    title = f"{step.command} {step.arguments}"
    found = complaints(answer, [*places, *step.places])
    if answer["code"] != step.code:
        found.append(f"ended with {answer['code']}: {answer['out'][-300:]}{answer['err'][-600:]}")
    return [f"{title}: {one}" for one in found]


def test_commands(sealed, user):
    found = [one for step in STEPS for one in run(sealed, user, step)]
    assert not found, "\n".join(found)


def test_the_service(sealed, user):
    home, variables, places = user
    sealed.start("serve", *ONLYME, "serve", home=home, **variables)
    try:
        client = [sys.executable, "-m", "tests.attacks.sealed.client", sealed.work]
        used = sealed.run(*client, home=home, **variables)
    finally:
        ended = sealed.stop("serve")
    assert used["code"] == 0, used["out"] + used["err"] + ended["err"]
    found = complaints(used, places) + complaints(ended, places)
    assert not found, "\n".join(found)
    assert ended["code"] in (0, -signal.SIGTERM), ended["err"]


def test_the_daemon(sealed, user):
    home, variables, places = user
    variables = {name: value for name, value in variables.items() if name != "ONLYME_VAULT"}
    make = (
        "rm -rf /run/onlyme; mkdir -p /etc/onlyme /run/onlyme; "
        f"echo 'camera = \"{sealed.work}/clip.avi\"' > /etc/onlyme/config.toml"
    )
    assert sealed.run("sh", "-c", make)["code"] == 0
    sealed.start("daemon", *ONLYME, "daemon", home=home, **variables)
    try:
        ready = "for n in $(seq 600); do [ -S /run/onlyme/onlyme.sock ] && exit; sleep 0.1; done"
        sealed.run("sh", "-c", ready)
        found = [one for step in UNLOCK_STEPS for one in run(sealed, user, step)]
        helper = [sys.executable, "-c", "from onlyme.unlock.client.helper import main; main()"]
        asked = sealed.run(*helper, "--seconds", "20", home=home, PAM_TYPE="auth",
                           PAM_USER="root", PAM_SERVICE="login", PAM_TTY="tty1")  # fmt: skip
    finally:
        ended = sealed.stop("daemon")
    system = [*places, "/etc/onlyme", "/var/lib/onlyme", "/run/onlyme"]
    found += complaints(asked, system) + complaints(ended, system)
    assert not found, "\n".join(found)
    assert ended["code"] == 0, ended["err"]


def test_a_cluster(sealed, user):
    """Dask sends nothing elsewhere, and writes only into the folder that its worker was given."""
    home, variables, places = user
    folder = {"DASK_TEMPORARY_DIRECTORY": f"{sealed.work}/out"}
    variables = variables | CLUSTER_OPTIONS | folder
    files = f"--protocol tls --no-dashboard --tls-ca-file {sealed.work}/certificates/ca.pem"
    for kind, words in (
        ("scheduler", "--host 127.0.0.1 --port 18786"),
        ("worker", "tls://127.0.0.1:18786 --no-nanny --nthreads 1"),
    ):
        place = f"{sealed.work}/certificates/{kind}"
        words = f"{kind} {words} {files} --tls-cert {place}.pem --tls-key {place}.key".split()
        sealed.start(kind, sys.executable, "-m", "dask", *words, home=home, **variables)
    try:
        arguments = (
            "{work}/people --scheduler tls://127.0.0.1:18786 --certificates {work}/certificates"
        )
        aside = home, variables | {"ONLYME_VAULT": f"{places[1]}/by-cluster"}, places
        found = run(sealed, aside, Step("enroll-folder", arguments))
        found += run(sealed, aside, Step("evaluate", f"{arguments} --photos 1"))
    finally:
        ended = [sealed.stop("worker"), sealed.stop("scheduler")]
    found += [one for answer in ended for one in complaints(answer, places)]
    assert not found, "\n".join(found) + "".join(answer["err"][-2000:] for answer in ended)


LIBRARY = """
import pkgutil, sys
from importlib import import_module
import onlyme
from onlyme import FaceID, check_liveness, compare, embed
work, vault = sys.argv[1:]
for module in pkgutil.walk_packages(onlyme.__path__, "onlyme."):
    if not module.name.endswith("__main__") and ".migrations." not in module.name:
        import_module(module.name)
for lasting in (False, True):
    with FaceID.open(vault, lasting=lasting) as face_id:
        face_id.enroll("ada", [f"{work}/obama_1.jpg", f"{work}/obama_2.jpg"], replace=lasting)
        assert face_id.verify("ada", f"{work}/obama_3.jpg", "passive").margin
        list(face_id.watch("ada", f"{work}/clip.avi"))
compare(f"{work}/obama_1.jpg", f"{work}/biden_1.jpg")
check_liveness(f"{work}/obama_1.jpg")
for name in ("torch", "lightning", "pytorch_metric_learning", "onnx", "faiss", "openvino",
             "psycopg", "pgvector.sqlalchemy", "sqlalchemy", "alembic", "fastapi",
             "prometheus_client", "python_multipart", "starlette", "uvicorn", "websockets",
             "keyring", "jwt"):
    import_module(name)
"""


def test_the_library_and_every_module(sealed, user):
    home, variables, places = user
    vault = f"{places[1]}/library"
    answer = sealed.run(sys.executable, "-c", LIBRARY, sealed.work, vault, home=home, **variables)
    assert answer["code"] == 0, answer["err"]
    assert complaints(answer, places) == []
