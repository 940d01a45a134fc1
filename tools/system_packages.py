"""Bring Debian's packages that the tests drive, such as a browser, sudo and what boots a Debian.

Installs what is missing where it may (root, apt-get); elsewhere it says what to install, and
the tests that need it are left out, or fail where CI is set.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_LIBRARIES = "/usr/lib/x86_64-linux-gnu"
PACKAGES = {
    "chromium": "chromium",
    "pamtester": "pamtester",
    "sudo": "sudo",
    "dbus": "dbus-run-session",
    "gnome-keyring": "gnome-keyring-daemon",
    "debootstrap": "debootstrap",
    "systemd-container": "systemd-nspawn",
    "swtpm": "swtpm",
    "tpm2-tools": "tpm2_pcrextend",
    "libtss2-tcti-swtpm0": f"{_LIBRARIES}/libtss2-tcti-swtpm.so.0",
    "groff-base": "groff",
    "zsh": "zsh",
    "fish": "fish",
    "mosquitto": "/usr/sbin/mosquitto",
    "python3-gi": "/usr/lib/python3/dist-packages/gi/__init__.py",
    "gir1.2-gst-rtsp-server-1.0": f"{_LIBRARIES}/girepository-1.0/GstRtspServer-1.0.typelib",
    "gstreamer1.0-plugins-good": f"{_LIBRARIES}/gstreamer-1.0/libgstrtp.so",
    "gstreamer1.0-plugins-bad": f"{_LIBRARIES}/gstreamer-1.0/libgstjpegformat.so",
}


def main() -> None:
    missing = [
        package
        for package, proof in PACKAGES.items()
        if not (shutil.which(proof) or Path(proof).exists())
    ]
    if not missing:
        return
    words = " ".join(missing)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"some tests need Debian's packages: sudo apt-get install {words}", file=sys.stderr)
        return
    print(f"Installing Debian's packages {words} …", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
    ):
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
