"""Run `watch --everybody`: report who comes and goes in front of a camera."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

import typer

from onlyme.cli import options, output
from onlyme.cli.lines import say

if TYPE_CHECKING:
    from pathlib import Path

    from onlyme import FaceID
    from onlyme.events.broker import MqttBroker
    from onlyme.events.hooks import Hooks
    from onlyme.faceid.reports import DoorReports
    from onlyme.faceid.visits import CameraStatus
    from onlyme.types import Decision, LivenessLevel
    from onlyme.verification.visits import Presence

__all__ = ["Programs", "Reporting", "run_accepted", "watch_everybody"]


@dataclass(frozen=True, slots=True)
class Reporting:
    """Where events go, beside the terminal.

    Attributes:
        stored: whether they are stored beside the vault.
        webhooks: addresses that are told.
        private: whether these may be inside the network.
        mqtt: the MQTT broker that is told.
    """

    stored: bool = True
    webhooks: tuple[str, ...] = ()
    private: bool = False
    mqtt: MqttBroker | None = None

    def open(self, face_id: FaceID, stack: ExitStack) -> DoorReports | None:
        """Return what takes events; None where no event is wanted.

        Args:
            face_id: the vault, opened.
            stack: closes what was opened here.

        Raises:
            UsageError: an address cannot be used, or nothing is stored and something should be
                sent.
        """
        from onlyme.errors import UsageError
        from onlyme.faceid.events import read_webhook_key
        from onlyme.faceid.reports import DoorReports

        if not self.stored:
            if self.webhooks or self.mqtt is not None:
                raise UsageError("what is sent waits among the stored events: drop --no-events")
            return None
        reports = DoorReports(stack.enter_context(face_id.open_events()), stack, _report)
        if self.webhooks:
            key = read_webhook_key(face_id.admin.store)
            reports.send_webhooks(self.webhooks, key, allow_private=self.private)
        if self.mqtt is not None:
            reports.send_mqtt(self.mqtt)
        return reports


@dataclass(frozen=True, slots=True)
class Programs:
    """The operator's programs, each as words; empty for none.

    Attributes:
        on_accept: runs once in each visit of a known, living person; the gate counts.
        on_known: runs when a person is recognised.
        on_unknown: runs when a person is certainly not enrolled.
    """

    on_accept: tuple[str, ...] = ()
    on_known: tuple[str, ...] = ()
    on_unknown: tuple[str, ...] = ()

    def run(self, presence: Presence, hooks: Hooks) -> None:
        """Run what belongs to an event."""
        from onlyme.faceid.serialize import dump_json, serialize_presence

        commands = {
            "known": (self.on_accept, self.on_known),
            "unknown": (self.on_unknown,),
        }.get(str(presence.event), ())
        document = dump_json(
            serialize_presence(presence) | {"time": datetime.now(UTC)}, indent=None
        )
        for command in commands:
            if command:
                hooks.run(command, document)


def watch_everybody(
    sources: list[str | int | Path],
    levels: list[LivenessLevel],
    programs: Programs,
    reporting: Reporting,
    embedder: str | None,
    vault: Path | None,
    *,
    json: bool,
) -> NoReturn:
    """Print when a person comes, is recognised or leaves, until the source ends.

    Raises:
        Exit: 0 when at least one person was recognised, else 1.
    """
    from onlyme.events.hooks import Hooks
    from onlyme.faceid.events import keep_retention
    from onlyme.settings import Settings

    recognised = False
    liveness = levels if len(levels) > 1 else options.choose_level(levels[0] if levels else None)
    with (
        options.open_face_id(vault, embedder, lasting=True) as face_id,
        Hooks(_report, sys.__stderr__) as hooks,
        keep_retention(Settings.load(vault=vault), face_id.admin.store, _report),
        ExitStack() as stack,
    ):
        reports = reporting.open(face_id, stack)
        made = face_id.watch_everybody(
            sources[0] if len(sources) == 1 else sources,
            liveness=liveness,
            opens=bool(programs.on_accept),
            on_status=_report_status,
            on_event=None if reports is None else reports.add,
            on_people=None if reports is None else reports.show,
        )
        stack.enter_context(closing(made))  # visits end while what stores and sends them is open
        for people in made:
            for presence in people:
                recognised |= presence.decision.accepted
                if presence.event is not None:
                    _print_event(presence, json=json, several=len(sources) > 1)
                    programs.run(presence, hooks)
    raise typer.Exit(0 if recognised else 1)


def run_accepted(command: tuple[str, ...], decision: Decision) -> None:
    """Run the program of one person; its output goes to stderr, since stdout is for our answer."""
    from onlyme.events.hooks import run_program
    from onlyme.faceid.serialize import dump_json, serialize_decision

    document = serialize_decision(decision) | {"time": datetime.now(UTC)}
    if why := run_program(command, dump_json(document, indent=None), sys.__stderr__):
        _report(why)


def _report(sentence: str) -> None:
    say(sentence, err=True)


def _report_status(status: CameraStatus) -> None:
    _report(f"{status.camera} gives frames" if status.is_up else f"{status.why}; trying again")


def _print_event(presence: Presence, *, json: bool, several: bool) -> None:
    if json:
        from onlyme.faceid.serialize import serialize_presence

        output.print_json(serialize_presence(presence), indent=None)
        return
    stayed = presence.at - presence.since
    phrase = {
        "came": "a person came",
        "left": f"left after {stayed:.1f} s",
        "unknown": "✗ no enrolled person",
        "ambiguous": f"✗ one of two people: {' or '.join(presence.names)}",
    }.get(str(presence.event)) or output.format_decision(presence.decision)
    name = presence.decision.name if presence.verdict == "known" else None
    who = f" ({name})" if presence.event == "left" and name else ""
    place = f"{presence.camera}  " if several else ""
    say(f"{presence.at:8.1f} s  {place}#{presence.id}  {phrase}{who}")
