"""A real Dask scheduler with worker processes, over TLS, with certificates of its own."""

import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 120.0
OPTIONS = {
    "DASK_DISTRIBUTED__WORKER__MEMORY__TARGET": "False",
    "DASK_DISTRIBUTED__WORKER__MEMORY__SPILL": "False",
}


def wait_until(condition, seconds=DEADLINE_SECONDS):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come to that"
        time.sleep(0.02)


def make_certificates(folder):
    """Write an authority, and a certificate for a scheduler, a worker and a caller."""
    folder.mkdir(parents=True)
    authority, secret = _sign("authority", folder, None)
    for name in ("scheduler", "worker", "caller"):
        _sign(name, folder, (authority, secret))
    (folder / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    return folder


def _sign(name, folder, by):
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by[0].subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .sign(by[1] if by else key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = folder / f"{name}.key"
    encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    secret.write_bytes(key.private_bytes(*encoding, serialization.NoEncryption()))
    secret.chmod(0o600)
    return made, key


class Cluster:
    """A scheduler on 127.0.0.1, and the workers that a test starts and kills."""

    def __init__(self, folder):
        self.folder, self.certificates = folder, make_certificates(folder / "certificates")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address, self.workers = f"tls://127.0.0.1:{port}", []
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", port)
        wait_until(lambda: self.count_lines("scheduler", "Scheduler at"))

    def start_worker(self, *words, certificates=None, **variables):
        """Start a worker, and wait until it has tried to register."""
        name = f"worker-{len(self.workers)}"
        words = [self.address, "--nthreads", 1, "--no-nanny", "--name", name, *words]
        words += ["--local-directory", self.folder / name]
        process = self._start(name, *words, certificates=certificates, **variables)
        self.workers.append(process)
        return process

    def start_workers(self, count, *words, **variables):
        """Start workers, and wait until all are registered."""
        first = len(self.workers)
        started = [self.start_worker(*words, **variables) for _ in range(count)]
        for number in range(first, first + count):
            wait_until(lambda number=number: self.count_lines(f"worker-{number}", "Registered to"))
        return started

    def count_lines(self, name, words):
        return (self.folder / f"{name}.log").read_text().count(words)

    def _start(self, name, *words, certificates=None, **variables):
        kind = name.partition("-")[0]
        place = certificates or self.certificates
        files = ["--tls-ca-file", place / "ca.pem", "--tls-cert", place / f"{kind}.pem"]
        files += ["--tls-key", place / f"{kind}.key", "--protocol", "tls", "--no-dashboard"]
        command = [sys.executable, "-m", "dask", kind, *words, *files]
        paths = os.pathsep.join([str(ROOT / "src"), str(ROOT), str(self.folder)])
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                list(map(str, command)),
                env=os.environ
                | OPTIONS
                | {"PYTHONPATH": paths, "DASK_TEMPORARY_DIRECTORY": str(self.folder)}
                | variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def close(self):
        for process in (*self.workers, self.scheduler):
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
