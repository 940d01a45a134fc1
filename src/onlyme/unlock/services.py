"""Name the services of PAM that ask at a seat. PAM's helper uses this: standard library only.

A service that is not named here needs an intent that a program cannot give; see
`onlyme.unlock.daemon.service`.
"""

from __future__ import annotations

__all__ = ["GREETERS", "LOCKERS", "UNATTENDED", "WITHOUT_TERMINAL", "needs_intent"]

GREETERS = frozenset(
    [
        "login",
        "gdm",
        "gdm3",
        "gdm-password",
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
