"""Use the keyring of a session's bus, or take its place; a program that runs as a user."""

import json
import os
import sys

from jeepney import DBusAddress, HeaderFields, new_error, new_method_call, new_method_return
from jeepney.io.blocking import open_dbus_connection
from secretstorage import Collection

from onlyme.unlock.keyring.gnome import GnomeKeyring

PATH = "/org/freedesktop/secrets/collection/login"
BUS = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")


def main():
    what, *words = sys.argv[1:]
    connection = open_dbus_connection(bus=f"unix:path=/run/user/{os.getuid()}/bus")
    if what == "impostor":
        take_its_place(connection)
    if what in {"open", "change_password"}:
        getattr(GnomeKeyring(connection), what)(*words)
    collection = Collection(connection, PATH)
    for word in words if what == "store" else ():
        collection.create_item(f"entry {word}", {"name": word}, word.encode(), replace=True)
    locked = bool(collection.is_locked())
    items = [] if locked else [item.get_secret().decode() for item in collection.get_all_items()]
    print(json.dumps({"locked": locked, "items": sorted(items)}))  # noqa: T201 - the answer


def take_its_place(connection):
    """Own the keyring's name, take passwords without encryption, and print what comes."""
    name = new_method_call(BUS, "RequestName", "su", ("org.freedesktop.secrets", 4))
    assert connection.send_and_get_reply(name).body == (1,)
    print("ready", flush=True)  # noqa: T201 - the test reads it
    while True:
        call = connection.receive()
        member = call.header.fields.get(HeaderFields.member)
        print(member, call.body, flush=True)  # noqa: T201 - the test reads it
        if member == "OpenSession" and call.body[0] != "plain":
            answer = new_error(call, "org.freedesktop.DBus.Error.NotSupported")
        elif member == "OpenSession":
            answer = new_method_return(call, "vo", (("s", ""), "/session"))
        else:
            answer = new_method_return(call)
        connection.send(answer)


if __name__ == "__main__":
    main()
