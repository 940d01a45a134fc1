"""Run `watch --everybody`: report who comes and goes in front of a camera."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from onlyme.cli import options, output

if TYPE_CHECKING:
    from onlyme.gallery.presence import Presence
    from onlyme.types import LivenessLevel

__all__ = ["watch_everybody"]


def watch_everybody(
    video: Path | None,
    camera: str | None,
    on_accept: str | None,
    liveness: LivenessLevel | None,
    embedder: str | None,
    vault: Path | None,
    *,
    json: bool,
) -> NoReturn:
    """Print when a person comes, is recognised or leaves, until the source ends.

    Raises:
        Exit: 0 when at least one person was recognised, else 1.
    """
    if video is not None and camera is not None:
        raise typer.BadParameter("give a video or --camera N, not both", param_hint="VIDEO")
    if on_accept is not None or liveness is not None:
        raise typer.BadParameter(
            "liveness is not checked here, so no program may be run: leave out --on-accept and "
            "--liveness, or name one person",
            param_hint="--everybody",
        )
    present: dict[int, Presence] = {}
    recognised = False
    with options.open_face_id(vault, embedder, lasting=True) as face_id:
        for visits in face_id.watch_everybody(video or options.parse_source(camera or "0")):
            for visit in visits:
                before = present.get(visit.id)
                if before is None:
                    _print_event("came", visit, json=json)
                elif visit.decision.name != before.decision.name:
                    _print_event("known" if visit.decision.name else "unknown", visit, json=json)
                recognised |= visit.decision.accepted
            here = {visit.id: visit for visit in visits}
            for id_, visit in present.items():
                if id_ not in here:
                    _print_event("left", visit, json=json)
            present = here
        for visit in present.values():
            _print_event("left", visit, json=json)
    raise typer.Exit(0 if recognised else 1)


def _print_event(event: str, visit: Presence, *, json: bool) -> None:
    if json:
        from onlyme.faceid.serialize import serialize_found

        about = {"event": event, "track": visit.id, "since": visit.since, "at": visit.at}
        output.print_json(about | serialize_found(visit.face, visit.decision), indent=None)
        return
    phrases = {"came": "a person came", "left": f"left after {visit.at - visit.since:.1f} s"}
    phrase = phrases.get(event) or output.format_decision(visit.decision)
    name = f" ({visit.decision.name})" if event == "left" and visit.decision.name else ""
    typer.echo(f"{visit.at:8.1f} s  #{visit.id}  {phrase}{name}")
