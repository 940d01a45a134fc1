"""What SQLite holds open in this process is read by another one.

Whoever closes any descriptor of a file takes away every lock that the process has on it
(fcntl(2)), SQLite's too. Other processes then shrink or remove what is still in use here: "disk
image is malformed", or a bus error that ends the whole run. SQLite locks its file and, with a
write-ahead log, the file `-shm`; the log itself and a journal bear no lock.
"""

import subprocess


def contents(path):
    """The bytes of a file that SQLite may hold open."""
    return subprocess.run(["cat", "--", path], stdout=subprocess.PIPE, check=True).stdout


def copied(source, target):
    """Copy a file or a folder that SQLite may hold open."""
    subprocess.run(["cp", "-r", "--", source, target], check=True)
