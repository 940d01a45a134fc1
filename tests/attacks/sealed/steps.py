"""Every command of onlyme with arguments that make it do its work, in an order that works."""

import sys
from typing import NamedTuple

ONLYME = (sys.executable, "-m", "onlyme")
PHRASE = "four good words here\n"


class Step(NamedTuple):
    """One run of a command.

    Attributes:
        command: the words that name it, as the help lists them.
        arguments: the others; `{work}` and `{vault}` are folders.
        code: the exit code that shows that it did its work.
        stdin: what is typed.
        variables: of the environment.
        places: where it may write, besides the vault and `{work}/out`.
    """

    command: str
    arguments: str = ""
    code: int = 0
    stdin: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    places: tuple[str, ...] = ()


_PHOTOS = " ".join(f"{{work}}/obama_{number}.jpg" for number in (1, 2, 4))
_SYSTEM = ("/etc/onlyme", "/var/lib/onlyme", "/run/onlyme")
_PAM = ("/etc/pam.d", "/var/lib/onlyme-pam")
_NO_DATABASE = (("ONLYME_STORE", "postgresql+psycopg://ada@/onlyme?host=/no/such/folder"),)

STEPS = (
    Step("enroll", f"ada {_PHOTOS} --not-me {{work}}/people/biden --replace"),
    Step("list"),
    Step("list", "--json"),
    Step("verify", "ada {work}/obama_3.jpg"),
    Step("verify", "ada {work}/biden_1.jpg --gate", 1),
    Step("verify", "ada {work}/no-such-photo.jpg", 2),
    Step("enroll-folder", "{work}/people --report {work}/out/people.json"),
    Step("enroll-folder", "{work}/people --add --certificates {work}/certificates"
         " --scheduler tls://127.0.0.1:9", 2),  # nothing answers there
    Step("identify", "{work}/biden_1.jpg"),
    Step("identify", "{work}/biden_1.jpg --all"),
    Step("verify", "ada {work}/people/biden --csv", 1),
    Step("compare", "{work}/obama_1.jpg {work}/obama_2.jpg"),
    Step("detect", "{work}/obama_1.jpg --draw {work}/out/drawn.jpg"),
    Step("watch", "ada {work}/clip.avi --liveness off"),
    Step("watch", "ada {work}/clip.avi --liveness passive", 1),
    Step("watch", "--everybody {work}/clip.avi --liveness off"),
    Step("tune", "ada --far 1e-5"),
    Step("certificate", "ada"),
    Step("not-me", "ada {work}/biden_1.jpg"),
    Step("evaluate", "{work}/people --photos 1 --html {work}/out/e.html --cache {work}/out/cache"),
    Step("evaluate-liveness", "{work}/presentations --out {work}/out"),
    Step("spoof-me", "ada --camera {work}/clip.avi --attempts 1 --out {work}/out/card",
         stdin="\n\ns\ns\n\ns\ns\n"),
    Step("adapt", "ada --on"),
    Step("status"),
    Step("reset"),
    Step("revoke", "ada"),
    Step("rekey"),
    Step("export", "ada {work}/out/ada.onlyme", stdin=PHRASE),
    Step("import", "{work}/out/ada.onlyme --name eve --anyway", stdin=PHRASE),
    Step("backup", "{work}/out/backup"),
    Step("restore", "{work}/out/backup"),
    Step("examples", "ada"),
    Step("examples", "ada --remove 1"),
    Step("rename", "eve eva"),
    Step("merge", "ada eva"),
    Step("forget", "ada --yes"),
    Step("enroll", f"ada {_PHOTOS}"),
    Step("doctor"),
    Step("demo", variables=(("DISPLAY", ""),)),
    Step("models status"),
    Step("cameras"),
    Step("audit"),
    Step("events", "--csv"),
    Step("events unknown"),
    Step("audit verify"),
    Step("serve key"),
    Step("serve token create", "door --scope verify"),
    Step("serve token list"),
    Step("serve token revoke", "door"),
    Step("serve link", code=2),  # no service runs
    Step("store status"),
    Step("store upgrade", code=2, variables=_NO_DATABASE),
    Step("store index"),
    Step("store certificate"),
    Step("store revoke"),
    Step("store scrub"),
    Step("store migrate", "--to vault", 2),
    Step("lab train", "compact --me {work}/album/p00 --not-me {work}/album/p01 --limit 3"
         " --out {work}/out/run"),
    Step("lab export", "{work}/out/run mine --models {work}/out/models"),
    Step("lab watch", "{work}/out/run {work}/clip.avi --out {work}/out/drawn.mp4"),
    Step("lab compare", "{work}/album --owners 1 --photos 2 --ways compact --strangers 3 --limit 3"
         " --out {work}/out/report"),
    Step("lab train-identities", "{work}/album --batch-people 4 --batch-photos 2 --steps 2"
         " --dimension 8 --out {work}/out/identities"),
    Step("lab finetune", "{work}/album --batch-people 2 --steps 1 --frozen 26"
         " --out {work}/out/finetune"),
    Step("lab distill", "{work}/album --batch 4 --steps 1 --frozen 26 --out {work}/out/distill"),
    Step("lab quantize", "mine {work}/album --models {work}/out/models"),
    Step("lab calibrate", "mine {work}/album --models {work}/out/models", 2),
    Step("unlock config show"),
    Step("unlock config set", "unlock_lid ignore", places=_SYSTEM),
    Step("unlock config edit", code=2, variables=(("EDITOR", "true"),), places=_SYSTEM),
    Step("unlock key", code=2, places=_SYSTEM),
    Step("unlock setup", "--camera {work}/clip.avi --photos {work}/album/p00 --services login"
         " --user root --yes", 2, places=(*_SYSTEM, *_PAM)),
    Step("unlock teardown", "--yes", places=(*_SYSTEM, *_PAM)),
    Step("unlock profile"),
    Step("unlock status"),
    Step("unlock units", "--to {work}/out/units"),
    Step("unlock install", "login --yes --user root", places=_PAM),
    Step("unlock uninstall", "--yes", places=_PAM),
)  # fmt: skip

_OF_THE_LOGIN = (("ONLYME_VAULT", "/var/lib/onlyme"),)
"""As a login has it; the other steps' vault has another key."""

FIRST_STEPS = (
    Step("enroll", f"ada {_PHOTOS}"),
    Step("export", "ada {work}/out/first.onlyme", stdin=PHRASE),
)
"""What the service and the daemon need."""

UNLOCK_STEPS = tuple(
    step._replace(places=_SYSTEM)
    for step in (
        Step("unlock enroll", f"{_PHOTOS} --user root --replace"),
        Step("unlock tune", "--far 1e-5 --user root"),
        Step("unlock not-me", "{work}/biden_1.jpg --user root"),
        Step("unlock adapt", "--user root"),
        Step("unlock examples", "--user root"),
        Step("unlock revoke", "--user root"),
        Step("unlock retry", "--user root"),
        Step("unlock status", "login --user root"),
        Step("unlock keyring", "status --user nobody", variables=_OF_THE_LOGIN),
        Step("unlock preview", "--camera {work}/clip.avi --seconds 0.5"),
        Step("unlock test", "--user root", 1),
        Step("unlock disable", "--for 2h"),
        Step("unlock enable"),
        Step("unlock forget", "--user root"),
        Step("unlock import", "{work}/out/first.onlyme --user root", stdin=PHRASE),
    )
)
"""What asks the daemon, while it runs."""

WITH_A_NETWORK = ("models fetch",)
"""Commands whose work is to fetch something from a registry, when a person calls them."""

IN_THE_BACKGROUND = ("serve", "daemon")
"""Started before other programs, and stopped after them."""
