"""Name the services of PAM that ask at a seat. PAM's helper uses this: standard library only.

A service that is not named here needs an intent that a program cannot give; see
`onlyme.unlock.daemon.service`.
"""

from __future__ import annotations

__all__ = [
    "BESIDE",
    "BY_MESSAGE",
    "GREETERS",
    "LOCKERS",
    "ON_TERMINAL",
    "UNATTENDED",
    "WITHOUT_TERMINAL",
    "needs_intent",
]

BESIDE = {"gdm-fingerprint": "gdm-password", "kde-fingerprint": "kde"}
"""Services that a program runs beside the password's, at the same time, each with that one. They
ask for no password, so a face that is looked for there lets no one wait for the prompt. Their
programs made them for fingerprints. KDE's locker waits for both to end before it unlocks, so the
face has no more time there than elsewhere."""

GREETERS = frozenset(
    [
        "login",
        "gdm",
        "gdm3",
        "gdm-password",
        "gdm-fingerprint",
        "lightdm",
        "sddm",
        "greetd",
        "cosmic-greeter",
        "plasmalogin",
        "lxdm",
        "xdm",
        "wdm",
        "slim",
        "ly",
        "nodm",
        "emptty",
    ]
)
"""They log users in at this computer's own screen. They run as root, and no user starts them."""

LOCKERS = frozenset(
    [
        "kde",
        "kde-fingerprint",
        "kscreenlocker",
        "swaylock",
        "hyprlock",
        "waylock",
        "gtklock",
        "i3lock",
        "slock",
        "gnome-screensaver",
        "cinnamon-screensaver",
        "mate-screensaver",
        "xfce4-screensaver",
        "xscreensaver",
        "xlock",
        "xsecurelock",
        "physlock",
        "vlock",
    ]
)
"""They unlock the screen of the user who started them, and give nothing else."""

ON_TERMINAL = frozenset(["login", "physlock", "vlock"])
"""They ask on a terminal, one question after the other. While they look for a face, a key there
leads to the password. Not so for programs with a window: their terminal is the screen's."""

BY_MESSAGE = frozenset(["greetd"])
"""Greeters that show a line of PAM while the helper still runs, so that it can ask for a gesture.
Tried with greetd's own `agreety`; other display managers show it too late or not at all."""

WITHOUT_TERMINAL = frozenset(["polkit-1"])
"""Their question is a window of the desktop, which shows nothing of ours."""

UNATTENDED = frozenset(
    [
        *("atd", "cron", "crond", "cups", "dovecot", "exim", "ftp", "imap", "openvpn", "pop3"),
        *("ppp", "proftpd", "pure-ftpd", "radiusd", "remote", "rlogin", "rsh", "samba", "smtp"),
        *("sshd", "vsftpd", "xrdp-sesman"),
    ]
)
"""Daemons ask there, for users who are elsewhere. A face opens nothing there."""


def needs_intent(service: str) -> bool:
    """Say whether a service gives rights that a program of the user could want, as sudo does."""
    return service not in GREETERS | LOCKERS
