"""Tell whether a request came over HTTPS, by the host name that it asks for.

The service itself speaks plain HTTP. Browsers on this machine reach it by a loopback name; all
others reach it by another name, through a reverse proxy with TLS. The Host header decides, since it
is checked against the names that the service was given. X-Forwarded-Proto is not used: any client
can send it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.serve.options import LOOPBACK

if TYPE_CHECKING:
    from starlette.types import Scope

__all__ = ["HTTPS", "find_cookie_name", "is_https", "strip_port"]

HTTPS = "onlyme.https"
"""Key of the connection's ASGI scope under which the guard stores `is_https`."""


def strip_port(host: str) -> str:
    """Return the name in a Host header.

    >>> strip_port("face.example.org:443"), strip_port("[::1]:8000"), strip_port("[::1]")
    ('face.example.org', '[::1]', '[::1]')
    """
    return host.rpartition(":")[0] if host.rpartition("]")[2].count(":") else host


def is_https(name: str) -> bool:
    """Say whether browsers may use this host name over HTTPS only.

    >>> is_https("127.0.0.1"), is_https("face.example.org")
    (False, True)
    """
    return name not in LOOPBACK


def find_cookie_name(scope: Scope, port: int) -> str:
    """Return the name of the session's cookie for a connection that the guard has checked.

    Over HTTPS its name begins with `__Host-`: browsers then take it from this very host only, over
    HTTPS only. The port is in the name because browsers share cookies among the ports of a host.
    """
    return f"__Host-onlyme-{port}" if scope[HTTPS] else f"onlyme-{port}"
