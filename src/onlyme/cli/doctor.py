"""Run `doctor`: check each part of onlyme, and say how to repair it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from onlyme.cli import options, output
from onlyme.cli.lines import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onlyme.settings import Settings

__all__ = ["Finding", "examine", "examine_extras", "register"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The state of one part: `ok`, `missing` (optional, and not there) or `broken`."""

    part: str
    state: str
    detail: str
    advice: str = ""


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(doctor)


def doctor(
    *,
    embedder: options.Embedder = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Check every part, and say what to do where one does not work."""
    from dataclasses import replace

    settings = options.load_settings(vault)
    findings = list(examine(replace(settings, embedder=embedder) if embedder else settings))
    if json:
        output.print_json([asdict(finding) for finding in findings])
    else:
        marks = {"ok": ("✓", "green"), "missing": ("–", "yellow"), "broken": ("✗", "red")}
        for finding in findings:
            mark, colour = marks[finding.state]
            say(f"{typer.style(mark, fg=colour, bold=True)} {finding.part:<18} {finding.detail}")
            if finding.advice:
                say(f"  {'':<18} → {finding.advice}")
    raise typer.Exit(2 if any(finding.state == "broken" for finding in findings) else 0)


def examine(settings: Settings) -> Iterator[Finding]:
    """Examine networks, runtime, calibration files, vault, cameras and extras, in this order."""
    yield from _examine_models(settings)
    yield from _examine_further_liveness(settings)
    yield _examine_runtime(settings)
    yield _examine_head(settings)
    yield _examine_vault(settings)
    yield _examine_cameras()
    yield from examine_extras()


def _examine_models(settings: Settings) -> Iterator[Finding]:
    from onlyme.errors import ModelError, ModelMissing, SettingsError
    from onlyme.face.models import SHIPPED, find_model, read_manifest

    try:
        models = read_manifest(SHIPPED)
        if settings.embedder not in models:
            models[settings.embedder] = find_model(settings.embedder, SHIPPED, settings.models)
    except (ModelError, SettingsError) as error:
        yield Finding("models", "broken", str(error))
        return
    for name, model in models.items():
        try:
            size = len(model.read())
        except ModelError as error:
            # An optional model may be absent; a model that is there must have the right hash.
            absent = isinstance(error, ModelMissing) and model.needed_for != "everything"
            state = "missing" if absent else "broken"
            what, _, advice = str(error).rpartition("; ")
            yield Finding(f"model {name}", state, f"{what} (needed for {model.needed_for})", advice)
        else:
            amount = f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
            yield Finding(f"model {name}", "ok", f"{model.title}, {amount}, {model.licence}")


def _examine_further_liveness(settings: Settings) -> Iterator[Finding]:
    """Examine the user's further liveness networks: each that cannot be used denies everybody."""
    if not settings.liveness_extra:
        return
    from onlyme.faceid.networks import find_extra_fault

    for one in settings.liveness_extra:
        part, fault = f"liveness {one.path.name}", find_extra_fault(one)
        if fault:
            advice = "put the right file there, or mend or remove its entry in config.toml"
            yield Finding(part, "broken", f"{fault}: cameras refuse everybody", advice)
        else:
            yield Finding(part, "ok", f"{one.path}, which may refuse people")


def _examine_runtime(settings: Settings) -> Finding:
    """Examine what runs the networks; OpenCV always can."""
    from importlib.util import find_spec

    from onlyme.errors import ModelError, explain_extra
    from onlyme.faceid import networks

    if settings.runtime == "opencv":
        return Finding("runtime", "ok", "OpenCV, as the settings say")
    try:
        problem = networks.explain_unfit(settings)
    except ModelError:  # reported above, with the network itself
        return Finding("runtime", "missing", "OpenVINO cannot be checked without the networks")
    if not problem:
        engine = networks.start_engine()
        name = f"OpenVINO {engine.version} in {engine.precision}"
        when = "where many pictures come" if settings.runtime == "auto" else "always"
        return Finding("runtime", "ok", f"{name}, used {when}; its results agree with OpenCV's")
    if settings.runtime == "openvino":
        advice = "set runtime to auto, and OpenCV is used instead"
        return Finding("runtime", "broken", problem, advice)
    absent = find_spec("openvino") is None
    advice = explain_extra("fast") if absent else "install openvino again"
    return Finding("runtime", "missing", f"{problem}; OpenCV is used, which is slower", advice)


def _examine_head(settings: Settings) -> Finding:
    """Examine the calibration files that belong to the embedder: head, cohort, calibration."""
    from onlyme.errors import NotCalibrated, OnlymeError
    from onlyme.face.models import SHIPPED, find_model
    from onlyme.faceid import networks

    is_own = settings.embedder != "embedder"
    try:
        calibrated = networks.load_base(settings).calibrated
    except NotCalibrated as error:
        if is_own:
            return Finding("head", "broken", str(error), "run `onlyme lab calibrate` again")
        return Finding("head", "broken", str(error), "install onlyme again")
    except OnlymeError as error:
        return Finding("head", "broken", str(error), "install onlyme again")
    if not calibrated:  # a network of the user's own decides by their NOT_ME photos
        model = find_model(settings.embedder, SHIPPED, settings.models)
        problem = f"there is no calibration for network {model.sha256[:12]}…"
        return Finding("head", "missing", problem, "run `onlyme lab calibrate` for a known rate")
    return Finding("head", "ok", "the calibration files match the model")


def _examine_vault(settings: Settings) -> Finding:
    from onlyme.errors import VaultError
    from onlyme.faceid import wiring

    folder = settings.vault
    if not options.has_vault(folder):  # opening it would make one
        remains = [name for name in ("vault.key", "gallery.sqlite") if (folder / name).exists()]
        if remains:
            problem = f"{folder} holds {' and '.join(remains)}, but no vault.sqlite"
            return Finding("vault", "broken", problem, "run `onlyme restore FILE` with a backup")
        return Finding("vault", "ok", f"{folder}: none yet; the first enrollment makes it")
    try:
        with wiring.open_vault(settings) as admin:
            count, kind = len(admin.store.names()), admin.store.kind
            admin.gate.audit.verify()
    except VaultError as error:
        problem, _, advice = str(error).partition("; ")
        return Finding("vault", "broken", problem, advice)
    people = output.format_count(count, "person", "people")
    return Finding("vault", "ok", f"{folder}: {people} enrolled, key: {kind}")


def _examine_cameras() -> Finding:
    """Examine the cameras. None is needed: photos and videos work without one."""
    from onlyme.image.cameras import list_cameras

    found = list_cameras()
    if not found:
        return Finding(
            "camera", "missing", "none found; photos and videos work without one", "plug one in"
        )
    usable = [camera for camera in found if os.access(camera.path, os.R_OK | os.W_OK)]
    if not usable:
        problem = f"you may not read {found[0].path}"
        return Finding("camera", "missing", problem, "add yourself to the group `video`")
    kinds = {(True, False): " (infrared)", (False, True): " (fed by a program)"}
    return Finding(
        "camera",
        "ok",
        ", ".join(f"{c.path} {c.card}{kinds.get((c.infrared, c.virtual), '')}" for c in usable),
    )


def examine_extras() -> Iterator[Finding]:
    """Examine the extras for users: for each, whether its packages are installed."""
    from onlyme.cli.extras import EXTRAS, find_missing, list_extras
    from onlyme.errors import explain_extra

    extras = list_extras()
    if not extras:
        advice = "install onlyme (documentation: Install)"
        yield Finding("extras", "missing", "unknown: onlyme runs without being installed", advice)
    for extra in extras:
        purpose = EXTRAS.get(extra, "")
        missing = find_missing(extra)
        if missing:
            problem = f"{', '.join(missing)} not installed; needed to {purpose}"
            advice = explain_extra(extra)
            yield Finding(f"extra {extra}", "missing", problem, advice)
        else:
            yield Finding(f"extra {extra}", "ok", f"installed, to {purpose}")
