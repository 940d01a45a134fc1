"""Run programs on a copy of this machine that notes each packet to outside and each file written.

Started by `tests/sealed/conftest.py` in new namespaces. It has a default route and a name server,
both behind a device whose packets are read here: without a route a connection would fail before it
is seen. The file system is the real one below a layer that takes all that is written.

It reads requests from standard input, one JSON object a line, and answers each with one line.
"""

import contextlib
import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

LAYERED = frozenset(
    ("btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs", "9p")
)
OWN = ("/dev", "/proc", "/run", "/sys")
"""Folders that the copy has anew: devices, processes and sockets."""

HOMES = ("home/fresh", "home/sealed")
_TUNSETIFF, _TUN, _NO_HEADER = 0x400454CA, 0x0001, 0x1000
_KERNELS_OWN = frozenset((0, 58))  # IPv6's multicast reports and neighbour discovery


def run(*command):
    subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)


def open_device():
    """Make the way out; return the file from which its packets are read."""
    if not Path("/dev/net/tun").exists():
        Path("/dev/net").mkdir(exist_ok=True)
        os.mknod("/dev/net/tun", 0o600 | 0o020000, os.makedev(10, 200))
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", b"out", _TUN | _NO_HEADER))
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "set", "out", "up")
    run("ip", "addr", "add", "10.99.0.2/24", "dev", "out")
    run("ip", "route", "add", "default", "via", "10.99.0.1", "dev", "out")
    with contextlib.suppress(subprocess.CalledProcessError):  # a kernel without IPv6
        run("ip", "-6", "addr", "add", "fd99::2/64", "dev", "out", "nodad")
        run("ip", "-6", "route", "add", "default", "via", "fd99::1", "dev", "out")
    return device


def describe(packet):
    """Say where a packet goes; None for one that the kernel itself sends."""
    if packet[0] >> 4 == 6:
        kind, place, body = packet[6], packet[24:40].hex(":", 2), packet[40:]
    else:
        kind, place = packet[9], ".".join(map(str, packet[16:20]))
        body = packet[4 * (packet[0] & 15) :]
    if packet[0] >> 4 == 6 and kind in _KERNELS_OWN:
        return None
    port = struct.unpack(">H", body[2:4])[0] if kind in (6, 17) and len(body) > 3 else 0
    words = f"{ {6: 'tcp', 17: 'udp'}.get(kind, kind) } to {place} port {port}"
    if port == 53:
        words += " asks for " + "".join(chr(b) if 32 < b < 127 else "." for b in body[20:-4])
    return words


def read_packets(device):
    found = []
    with contextlib.suppress(BlockingIOError):
        while packet := os.read(device, 65536):
            found.append(describe(packet))
    return [words for words in found if words]


class Layer:
    """The copy of the file system, and what was written into it.

    Attributes:
        root: where it is mounted.
    """

    def __init__(self, place):
        run("mount", "-t", "tmpfs", "-o", "mode=755", "sealed", place)
        self.root = place / "root"
        self.root.mkdir()
        self._uppers = {}
        for number, mount in enumerate(self._list_mounts()):
            upper, work = place / f"upper{number}", place / f"work{number}"
            upper.mkdir()
            work.mkdir()
            options = f"lowerdir={mount},upperdir={upper},workdir={work}"
            run("mount", "-t", "overlay", "sealed", "-o", options, f"{self.root}{mount}")
            self._uppers[upper] = str(mount).rstrip("/")
        for name in OWN:
            (self.root / name[1:]).mkdir(exist_ok=True)
        run("mount", "-t", "proc", "proc", self.root / "proc")
        run("mount", "--rbind", "/sys", self.root / "sys")
        run("mount", "-t", "tmpfs", "-o", "mode=755", "run", self.root / "run")
        self._make_devices()
        self._uppers[self.root / "run"] = "/run"
        self._uppers[self.root / "dev/shm"] = "/dev/shm"  # noqa: S108 - its own

    def _list_mounts(self):
        """List what is mounted and holds files, the outer before the inner."""
        lines = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
        places = {
            words[1].encode().decode("unicode_escape") for words in lines if words[2] in LAYERED
        }
        kept = [p for p in places if Path(p).is_dir() and not p.startswith(OWN)]
        return sorted(Path(p) for p in kept if p == "/" or not str(self.root).startswith(p))

    def _make_devices(self):
        dev = self.root / "dev"
        run("mount", "-t", "tmpfs", "-o", "mode=755", "dev", dev)
        for name in ("null", "zero", "full", "random", "urandom"):
            (dev / name).touch()
            run("mount", "--bind", f"/dev/{name}", dev / name)
        for name, target in (
            ("fd", "fd"),
            ("stdin", "fd/0"),
            ("stdout", "fd/1"),
            ("stderr", "fd/2"),
        ):
            (dev / name).symlink_to(f"/proc/self/{target}")
        for name in ("shm", "pts"):
            (dev / name).mkdir()
        run("mount", "-t", "tmpfs", "-o", "mode=1777", "shm", dev / "shm")

    def list_written(self):
        """Return each file that was written, removed or made, with what changes when it is."""
        found = {}
        for upper, real in self._uppers.items():
            for folder, folders, files in os.walk(upper):
                for name in (*files, *(f for f in folders if not any(Path(folder, f).iterdir()))):
                    path = f"{folder}/{name}"
                    with contextlib.suppress(OSError):  # a socket that was just removed
                        about = os.lstat(path)
                        place = real + path.removeprefix(str(upper))
                        found[place] = (about.st_mtime_ns, about.st_size, about.st_mode)
        return found


class Machine:
    """Runs programs in the layer, and says what each of them sent and wrote."""

    def __init__(self, place):
        self.device = open_device()
        self.layer = Layer(place)
        self.root = self.layer.root
        self._logs = place / "logs"
        self._logs.mkdir()
        self._running = {}
        for home in HOMES:
            (self.root / home).mkdir(parents=True)
        sealed = self.root / HOMES[1]
        run("mount", "--bind", sealed, sealed)
        run("mount", "-o", "remount,bind,ro", sealed)
        names = self.root / "etc/resolv.conf"
        names.unlink(missing_ok=True)
        names.write_text("nameserver 10.99.0.1\noptions timeout:1 attempts:1\n")

    def answer(self, asked):
        """Do what a request asks: `run` a program to its end, `start` one, or `stop` it again."""
        read_packets(self.device)
        before = self.layer.list_written()
        if "run" in asked:
            answer = self._run(asked)
        elif "start" in asked:
            name = asked["name"]
            with (self._logs / name).open("wb") as log:
                self._running[name] = self._start(
                    asked, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            answer = {}
        else:
            process = self._running.pop(asked["stop"])
            process.send_signal(signal.SIGTERM)
            answer = {"code": process.wait(60), "err": self._read_log(asked["stop"]), "out": ""}
        answer["left"] = [] if self._running else self._wait_for_the_rest()
        answer["packets"] = read_packets(self.device)
        now = self.layer.list_written()
        answer["written"] = sorted(
            path for path in before.keys() | now.keys() if before.get(path) != now.get(path)
        )
        return answer

    def _start(self, asked, **streams):
        def enter():
            os.chroot(self.root)
            os.chdir(asked["cwd"])

        command = asked.get("run") or asked["start"]
        return subprocess.Popen(command, env=asked["env"], preexec_fn=enter, **streams)

    def _run(self, asked):
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        with self._start(asked, **pipes) as process:
            try:
                out, err = process.communicate(asked.get("stdin", "").encode(), asked["seconds"])
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
        words = (text.decode("utf-8", "replace") for text in (out, err))
        return dict(zip(("out", "err"), words, strict=True)) | {"code": process.returncode}

    def _read_log(self, name):
        return (self._logs / name).read_text("utf-8", "replace")

    def _wait_for_the_rest(self, seconds=10):
        """Wait for what a program left running, and end what goes on; return its names."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return []
            time.sleep(0.01)
        processes = (self.root / "proc").glob("[0-9]*")
        names = [(one / "comm").read_text().strip() for one in processes if one.name != "1"]
        os.kill(-1, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        return names


def main():
    machine = Machine(Path(sys.argv[1]))
    answers = sys.stdout
    answers.write('"ready"\n')
    answers.flush()
    for line in sys.stdin:
        answers.write(json.dumps(machine.answer(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
