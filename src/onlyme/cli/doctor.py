"""`doctor`: each part, whether it is fit for use, and what to do if not."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import typer

from onlyme.cli import options, output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onlyme.settings import Settings

__all__ = ["register"]

_EXTRAS = {
    "lab": (("torch", "lightning"), "train and compare networks"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: `ok` (fit for use), `missing` (optional, not there) or `broken`."""

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
    """Look at every part, say whether it is fit for use, and what to do if not."""
    from onlyme.settings import Settings

    findings = list(examine(Settings.load(vault=vault, embedder=embedder)))
    if json:
        output.print_json([asdict(finding) for finding in findings])
    else:
        marks = {"ok": ("✓", "green"), "missing": ("–", "yellow"), "broken": ("✗", "red")}
        for finding in findings:
            mark, colour = marks[finding.state]
            typer.echo(
                f"{typer.style(mark, fg=colour, bold=True)} {finding.part:<18} {finding.detail}"
            )
            if finding.advice:
                typer.echo(f"  {'':<18} → {finding.advice}")
    raise typer.Exit(2 if any(finding.state == "broken" for finding in findings) else 0)


def examine(settings: Settings) -> Iterator[Finding]:
    """Examine models, what runs them, head, vault, cameras and extras, in this order."""
    yield from _examine_models(settings)
    yield _examine_runtime(settings)
    yield _examine_head(settings)
    yield _examine_vault(settings)
    yield _examine_cameras()
    for extra, (packages, use) in _EXTRAS.items():
        absent = [package for package in packages if find_spec(package) is None]
        if absent:
            yield Finding(
                f"extra {extra}",
                "missing",
                f"{', '.join(absent)} not installed; needed to {use}",
                f"pip install 'onlyme[{extra}]'",
            )
        else:
            yield Finding(f"extra {extra}", "ok", "installed")


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
            # What is optional may be absent; what is there must be what it says it is.
            absent = isinstance(error, ModelMissing) and model.needed_for != "everything"
            state = "missing" if absent else "broken"
            what, _, advice = str(error).rpartition("; ")
            yield Finding(f"model {name}", state, f"{what} (needed for {model.needed_for})", advice)
        else:
            yield Finding(
                f"model {name}", "ok", f"{model.title}, {size / 1e6:.1f} MB, {model.licence}"
            )


def _examine_runtime(settings: Settings) -> Finding:
    """Examine what runs the networks; OpenCV always can."""
    from onlyme.errors import ModelError
    from onlyme.faceid import wiring

    if settings.runtime == "opencv":
        return Finding("runtime", "ok", "OpenCV, as the settings say")
    try:
        why = wiring.explain_unfit(settings)
    except ModelError:  # said above, of the network itself
        return Finding("runtime", "missing", "OpenVINO cannot be compared without the networks")
    if not why:
        engine, auto = wiring.start_engine(), settings.runtime == "auto"
        name = f"OpenVINO {engine.version} in {engine.precision}"
        where = "where a process goes on" if auto else "always"
        return Finding("runtime", "ok", f"{name}, {where}; it agrees with OpenCV")
    absent = find_spec("openvino") is None
    if settings.runtime == "openvino":
        return Finding("runtime", "broken", why, "set runtime to auto, and OpenCV is used instead")
    advice = "pip install 'onlyme[fast]'" if absent else "install openvino anew"
    return Finding("runtime", "missing", f"{why}; OpenCV is used, which takes longer", advice)


def _examine_head(settings: Settings) -> Finding:
    """Examine what belongs to the embedder: head, cohort and calibration."""
    from onlyme.errors import NotCalibrated, OnlymeError
    from onlyme.face.models import SHIPPED, find_model
    from onlyme.siamese.head import Base

    own = settings.embedder != "embedder"
    try:
        Base.load(find_model(settings.embedder, SHIPPED, settings.models).sha256)
    except NotCalibrated as error:
        if own:  # a network of the user's own decides by their NOT_ME photos
            return Finding("head", "missing", str(error))
        return Finding("head", "broken", str(error), "install onlyme anew")
    except OnlymeError as error:
        return Finding("head", "broken", str(error), "install onlyme anew")
    return Finding("head", "ok", "the calibration files match the model")


def _examine_vault(settings: Settings) -> Finding:
    from onlyme.errors import VaultError
    from onlyme.faceid import wiring

    if not settings.vault.exists():
        return Finding(
            "vault", "ok", f"{settings.vault}, not made yet; the first enrollment makes it"
        )
    try:
        with wiring.open_vault(settings) as keeping:
            count, kind = len(keeping.store.names()), keeping.store.kind
            keeping.gate.audit.verify()
    except VaultError as error:
        what, _, advice = str(error).partition("; ")
        return Finding("vault", "broken", what, advice)
    return Finding("vault", "ok", f"{settings.vault}, {count} enrolled, locked with a {kind}")


def _examine_cameras() -> Finding:
    from onlyme.image.cameras import list_cameras

    found = list_cameras()
    if not found:
        return Finding(
            "camera", "missing", "none found; photos and videos work without", "plug one in"
        )
    usable = [camera for camera in found if os.access(camera.path, os.R_OK | os.W_OK)]
    if not usable:
        # A camera is optional: photos and videos work without.
        first = found[0].path
        return Finding(
            "camera", "missing", f"{first} may not be read", "add yourself to the group `video`"
        )
    kinds = {(True, False): " (infrared)", (False, True): " (fed by a program)"}
    return Finding(
        "camera",
        "ok",
        ", ".join(f"{c.path} {c.card}{kinds.get((c.infrared, c.virtual), '')}" for c in usable),
    )
