"""Send one question to the daemon; a separate program, so that it can run as any user."""

import json
import sys

from onlyme.unlock.transport import SOCKET, NoAnswer, ask

if __name__ == "__main__":
    try:
        status, answer = ask(SOCKET, sys.argv[1], json.load(sys.stdin), 60)
    except NoAnswer as error:
        status, answer = 0, {"message": str(error)}
    print(json.dumps([status, answer]))  # noqa: T201 - standard output carries the answer
