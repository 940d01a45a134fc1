"""A greeter for a real LightDM: it asks for ada, and writes down what LightDM says."""

import json
from pathlib import Path

SEEN, USER, PASSWORD = Path("/var/lib/lightdm/seen"), "ada", "correct horse"


def write(kind, what):
    with SEEN.open("a") as file:
        file.write(json.dumps([kind, what]) + "\n")


def answer(greeter, text, _kind):
    write("prompt", text)
    greeter.respond(PASSWORD)


def finish(greeter):
    write("authenticated", greeter.get_is_authenticated())
    greeter.start_session_sync(None)


def main():
    # Debian's packages, which the machine has and this computer need not have.
    import gi

    gi.require_version("LightDM", "1")
    from gi.repository import GLib, LightDM

    greeter = LightDM.Greeter()
    greeter.connect("show-prompt", answer)
    greeter.connect("show-message", lambda _greeter, text, _kind: write("message", text))
    greeter.connect("authentication-complete", finish)
    greeter.connect_to_daemon_sync()
    greeter.authenticate(USER)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
