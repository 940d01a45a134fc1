"""Answer as a desktop's notification server, on the session bus, and print what it is asked.

The argument says how it answers: `well`, `never`, or with `junk`, `nothing`, a `refusal` or
something `huge`.
"""

import json
import os
import sys
import time

from jeepney import HeaderFields, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

NAME = "org.freedesktop.Notifications"


def main(how):
    with open_dbus_connection(os.environ["DBUS_SESSION_BUS_ADDRESS"]) as connection:
        assert connection.send_and_get_reply(message_bus.RequestName(NAME)).body == (1,)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        count = 0
        while True:
            message = connection.receive()
            if message.header.message_type is not MessageType.method_call:
                continue
            fields, body = message.header.fields, message.body
            sys.stdout.write(json.dumps([fields[HeaderFields.member], body]) + "\n")
            sys.stdout.flush()
            if how == "never":
                time.sleep(600)
            elif fields[HeaderFields.member] == "CloseNotification":
                connection.send(new_method_return(message))
            elif how == "well":
                count += 1
                connection.send(new_method_return(message, "u", (body[1] or count,)))
            elif how == "nothing":
                connection.send(new_method_return(message, "u", (0,)))
            elif how == "huge":
                connection.send(new_method_return(message, "s", ("u 7\n" * 4_000_000,)))
            elif how == "refusal":
                connection.send(new_error(message, f"{NAME}.Error", "s", ("u 7\n",)))
            else:
                connection.send(new_method_return(message, "s", ("u 7\n",)))


if __name__ == "__main__":
    main(sys.argv[1])
