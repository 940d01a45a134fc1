"""Define what `watch --everybody` and `serve --doorbell` share: who is told what happens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from onlyme.events.broker import MqttBroker

__all__ = ["Mqtt", "MqttCa", "MqttNames", "parse_broker"]

Mqtt = Annotated[
    str | None,
    typer.Option(
        "--mqtt",
        metavar="URL",
        help="Tell this MQTT broker what happens, as Home Assistant finds it by itself: "
        "mqtts://HOST/TOPIC, or @FILE for a private file with an address and its password.",
        show_default=False,
    ),
]
MqttNames = Annotated[
    bool,
    typer.Option("--mqtt-names", help="The broker also learns who was recognised."),
]
MqttCa = Annotated[
    Path | None,
    typer.Option(
        "--mqtt-ca",
        metavar="FILE",
        help="The certificates that may sign the broker's; by default those of the system.",
        show_default=False,
    ),
]


def parse_broker(address: str | None, *, names: bool, ca: Path | None) -> MqttBroker | None:
    """Return where the MQTT broker is; None where none was given.

    Raises:
        UsageError: the address cannot be used, or something belongs to an address that is missing.
    """
    if address is None:
        if names or ca is not None:
            raise typer.BadParameter("--mqtt-names and --mqtt-ca need --mqtt")
        return None
    from onlyme.events.broker import MqttBroker

    return MqttBroker.parse(address, names=names, ca=ca)
