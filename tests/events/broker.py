"""A real MQTT broker (mosquitto) that can be killed, and a subscriber as Home Assistant is one."""

import datetime as dt
import ipaddress
import shutil
import socket
import subprocess
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
PASSWORD = "a pass/word%of@her:own"  # noqa: S105 - of the broker that a test makes
DEADLINE_SECONDS = 60.0


def wait_until(condition):
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it does not come to that"
        time.sleep(0.01)


def find_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def make_certificate(folder):
    """Write a certificate for 127.0.0.1 that signs itself; return the paths of it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    place = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([place]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "broker.crt", folder / "broker.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    secret.write_bytes(key.private_bytes(*encoding, serialization.NoEncryption()))
    secret.chmod(0o644)
    return certificate, secret


class Mosquitto:
    """A broker on 127.0.0.1; with `certificate` it wants TLS, the user ada and `PASSWORD`."""

    def __init__(self, folder, *, secure=False):
        self.port, self.certificate = find_port(), None
        lines = [f"listener {self.port} 127.0.0.1", "persistence false", "log_dest none"]
        if secure:
            self.certificate, key = make_certificate(folder)
            users, acl = folder / "users", folder / "acl"
            command = [MOSQUITTO + "_passwd", "-b", "-c", users, "ada", PASSWORD]
            command[0] = shutil.which("mosquitto_passwd")
            subprocess.run(command, check=True)
            acl.write_text("user ada\ntopic readwrite onlyme/#\ntopic readwrite homeassistant/#\n")
            for file in (users, acl):
                file.chmod(0o644)
            lines += [
                f"certfile {self.certificate}", f"keyfile {key}", f"password_file {users}",
                f"acl_file {acl}", "allow_anonymous false", "user root",
            ]  # fmt: skip
        else:
            lines.append("allow_anonymous true")
        self.config = folder / f"mosquitto-{self.port}.conf"
        self.config.write_text("\n".join(lines) + "\n")
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [MOSQUITTO, "-c", self.config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self.is_listening)

    def is_listening(self):
        assert self.process.poll() is None, "mosquitto has ended"
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def kill(self):
        self.process.kill()
        self.process.wait()

    def address(self, topic="", user=""):
        scheme = "mqtt" if self.certificate is None else "mqtts"
        return f"{scheme}://{user}127.0.0.1:{self.port}{topic}"


class Subscriber:
    """Notes topic, text and whether it was retained, of everything; connects again by itself."""

    def __init__(self, broker, topic="#"):
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.got, self.is_there = [], threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2)
        if broker.certificate is not None:
            self.client.tls_set(broker.certificate)
            self.client.username_pw_set("ada", PASSWORD)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self.client.on_subscribe = lambda *_: self.is_there.set()
        self.client.on_disconnect = lambda *_: self.is_there.clear()
        self.client.on_message = self.note
        self.client.connect_async("127.0.0.1", broker.port)
        self.client.loop_start()
        wait_until(self.is_there.is_set)

    def note(self, _client, _data, message):
        self.got.append((message.topic, message.payload.decode(), bool(message.retain)))

    def read(self, topic):
        return [text for place, text, _ in list(self.got) if place == topic]

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()
