"""Assemble the parts of a FaceID; only this module and `networks` choose implementations."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from onlyme.errors import KeyMissing, SettingsError, UsageError, explain_extra
from onlyme.faceid import networks
from onlyme.faceid.enrolled import GALLERY_FILE, Enrolled
from onlyme.gate.admission import Gate
from onlyme.gate.policy import DEFAULT_POLICY
from onlyme.vault.admin import VaultAdmin
from onlyme.vault.credential import Credential, is_offered
from onlyme.vault.key_sources import KeyFile, Keyring, Passphrase
from onlyme.vault.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from onlyme.face.mesh import Mesh
    from onlyme.face.pipeline import Pipeline
    from onlyme.faceid.adaptation import Adaptation
    from onlyme.gallery.stores.postgres import PostgresStore
    from onlyme.gallery.stores.protocol import TemplateStore
    from onlyme.liveness.judge import Judge
    from onlyme.settings import Settings
    from onlyme.siamese.head import Base
    from onlyme.storage.template import Template
    from onlyme.vault.key_sources import KeySource
    from onlyme.vault.restore import RestoreResult

__all__ = [
    "Parts",
    "address_tenant",
    "assemble",
    "choose_key_source",
    "count_gallery",
    "locate_gallery_file",
    "make_adaptation",
    "make_enrolled",
    "open_template_store",
    "open_vault",
    "restore_vault",
    "upgrade_store",
]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a `FaceID`.

    Attributes:
        settings: the settings in force.
        pipeline: returns the pipeline that finds and embeds faces. It is called for the first
            picture, since the networks take a while to load.
        base: the network's head, cohort and calibration.
        admin: the vault, with the gate and the log.
        enrolled: the owners in the vault, and the people in the gallery.
        judge: returns the judge of liveness. If it returns None, no picture is live, and asking
            for liveness denies.
        mesh: returns the mesh networks, loaded when something first needs them.
    """

    settings: Settings
    pipeline: Callable[[], Pipeline]
    base: Base
    admin: VaultAdmin
    enrolled: Enrolled
    judge: Callable[[], Judge | None]
    mesh: Callable[[], Mesh]


def assemble(
    settings: Settings,
    *,
    lasting: bool = False,
    steady: bool = False,
    by: str = "command line",
) -> Parts:
    """Assemble the parts of a `FaceID`.

    Args:
        settings: the settings in force.
        lasting: it will look at many pictures; see `onlyme.faceid.networks.choose_runtime`.
        steady: it answers others, who must not learn from the time; see `make_pipeline` there.
        by: the name of this program in the log.

    Raises:
        OnlymeError: models or vault cannot be used.
    """
    admin, base = open_vault(settings, by=by), networks.load_base(settings)
    return Parts(
        settings,
        cache(lambda: networks.make_pipeline(settings, lasting=lasting, steady=steady)),
        base,
        admin,
        make_enrolled(settings, admin, base),
        lambda: networks.choose_judge(settings, networks.choose_runtime(settings, lasting=lasting)),
        lambda: networks.load_mesh(networks.choose_runtime(settings, lasting=lasting)),
    )


def make_enrolled(settings: Settings, admin: VaultAdmin, base: Base) -> Enrolled:
    """Combine vault and gallery; the gallery is opened when it is first used."""
    return _make_enrolled(settings, admin.store, base)


def _make_enrolled(settings: Settings, store: Store, base: Base) -> Enrolled:
    open_store = partial(open_template_store, settings, base)
    name_model = partial(networks.name_model, settings)
    return Enrolled(store, base, open_store, settings.fpir, settings.far, name_model)


def open_template_store(settings: Settings, base: Base) -> TemplateStore:
    """Open the store of the gallery's rows; a store beside the vault is made if there is none.

    Raises:
        VaultError: it cannot be used.
        NeedsReenroll: another network made its rows.
    """
    model, dimension = base.model, len(base.projection)
    if settings.store != "vault":
        return _import_postgres_store()(settings.store, model, dimension)

    from onlyme.gallery.stores.sqlite.store import SqliteStore

    return SqliteStore(locate_gallery_file(settings), model, dimension)


def count_gallery(settings: Settings, admin: VaultAdmin) -> int:
    """Return how many people are in the gallery; where none was made, nothing is loaded for it.

    Raises:
        VaultError, NeedsReenroll: there should be one, and it cannot be used.
    """
    from onlyme.faceid.enrolled import has_gallery

    if not has_gallery(admin.store):
        return 0
    enrolled = make_enrolled(settings, admin, networks.load_base(settings))
    try:
        gallery = enrolled.gallery
        return len(gallery) if gallery else 0
    finally:
        enrolled.close()


def locate_gallery_file(settings: Settings) -> Path:
    """Return the file of a gallery that is beside the vault."""
    return settings.vault / GALLERY_FILE


def upgrade_store(settings: Settings, base: Base) -> bool:
    """Make the gallery's tables in PostgreSQL, or upgrade them to this version.

    Returns:
        Whether anything was changed.

    Raises:
        UsageError: the gallery is beside the vault and needs no upgrade.
        VaultError, NeedsReenroll: it cannot be done.
    """
    if settings.store == "vault":
        raise UsageError("the gallery is beside the vault and needs no upgrade; set ONLYME_STORE")
    model, dimension = base.model, len(base.projection)
    return _import_postgres_store().upgrade(settings.store, model, dimension)


def address_tenant(settings: Settings, tenant: str) -> str:
    """Return the address of another tenant's gallery in the database that the settings name.

    Raises:
        SettingsError: they name no database, or the extra is missing.
    """
    _import_postgres_store()
    from onlyme.gallery.stores.postgres.address import set_tenant

    return set_tenant(settings.store, tenant)


def _import_postgres_store() -> type[PostgresStore]:
    try:
        from onlyme.gallery.stores.postgres import PostgresStore
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"a gallery in PostgreSQL needs {error.name}; {explain_extra('postgres')}"
        ) from None
    return PostgresStore


def open_vault(
    settings: Settings,
    *,
    by: str = "command line",
    sources: tuple[KeySource, ...] | None = None,
) -> VaultAdmin:
    """Open the vault, with the gate and the log.

    Args:
        settings: name its folder and its key.
        by: the name of this program in the log.
        sources: what may hold the key; by default what the settings name.

    Raises:
        VaultError: the vault or its key cannot be used.
    """
    sources = sources or _list_key_sources(settings)
    store = Store(settings.vault, *sources, anchor=settings.anchor)
    policy = DEFAULT_POLICY._replace(tries=int(settings.gate_tries))
    return VaultAdmin(
        store,
        Gate(store, policy, by=by),
        partial(_relearn, settings),
        partial(_is_in_gallery, settings, store),
        partial(_refuse_known, settings, store),
    )


def _is_in_gallery(settings: Settings, store: Store, name: str) -> bool:
    """Return whether the gallery has a person; where none was made, nothing is loaded for it."""
    from onlyme.faceid.enrolled import has_gallery

    if not has_gallery(store):
        return False
    enrolled = _make_enrolled(settings, store, networks.load_base(settings))
    try:
        return enrolled.get(name) is not None
    finally:
        enrolled.close()


def _refuse_known(settings: Settings, store: Store, template: Template) -> None:
    """Refuse a template whose person is enrolled under another name.

    Raises:
        SamePerson: that is so.
    """
    from onlyme.faceid.same_person import refuse_same_person
    from onlyme.siamese.owner import Owner

    base = networks.load_base(settings)
    enrolled = _make_enrolled(settings, store, base)
    try:
        vectors = Owner.from_template(base, template).examples.me
        refuse_same_person(enrolled, template.name, vectors)
    finally:
        enrolled.close()


def _relearn(settings: Settings, template: Template) -> Template:
    """Learn an imported template from its faces, as if they were enrolled here."""
    from onlyme.siamese.owner import Owner

    base = networks.load_base(settings)
    given = Owner.from_template(base, template)
    owner = Owner.learn(base, template.name, given.examples, far=settings.far)
    return owner.add_eyes(given.eyes).to_template()


def restore_vault(
    settings: Settings,
    path: Path,
    authorize: Callable[[str], None],
    *,
    allow_older: bool,
    check_marker: Callable[[str], None] = lambda _: None,
) -> RestoreResult:
    """Restore a backup; see `onlyme.vault.restore.restore`.

    Raises:
        VaultError: the backup, the vault or the key cannot be used.
    """
    from onlyme.vault.restore import restore

    return restore(
        path,
        settings.vault,
        _list_key_sources(settings),
        anchor=settings.anchor,
        allow_older=allow_older,
        authorize=authorize,
        check_marker=check_marker,
    )


def _list_key_sources(settings: Settings) -> tuple[KeySource, ...]:
    """Return the key sources to try: the one that the settings name, otherwise all, in order."""
    if settings.key == "auto":
        return _list_system_sources(settings)
    kinds = [settings.key] if settings.key else ["file", "keyring", "passphrase"]
    return tuple(choose_key_source(settings, kind) for kind in kinds)


def _list_system_sources(settings: Settings) -> tuple[KeySource, ...]:
    """Return the sources of the computer's login: a new vault gets a credential where it can.

    A key file without its vault belongs to a vault that is gone, so nothing new is made beside it.
    """
    file = choose_key_source(settings, "file")
    credential = choose_key_source(settings, "credential")
    is_new = not (settings.vault / "vault.sqlite").exists()
    if is_new and not _locate_key_file(settings).exists() and is_offered():
        return (credential, file)
    return (file, credential)


def make_adaptation(settings: Settings) -> Adaptation:
    """Make what adapts templates to their owners; see `onlyme.faceid.adaptation`.

    Raises:
        OnlymeError: the vault or its key cannot be used.
    """
    from onlyme.faceid.adaptation import Adaptation

    return Adaptation(networks.load_base(settings), open_vault(settings))


def choose_key_source(
    settings: Settings, kind: str, ask: Callable[[], str] | None = None
) -> KeySource:
    """Return the key source of a kind.

    Args:
        settings: name the key file, or hold the passphrase.
        kind: `file`, `keyring`, `passphrase` or `credential`.
        ask: returns a passphrase; by default it is taken from the settings, or asked for on the
            terminal. For a credential it is the recovery passphrase, and by default there is none.
    """
    if kind == "keyring":
        return Keyring()
    if kind == "passphrase":
        return Passphrase(ask or (lambda: _ask_passphrase(settings)))
    if kind == "credential":
        return Credential(_locate_key_file(settings).with_suffix(".cred"), recovery=ask)
    return KeyFile(_locate_key_file(settings))


def _locate_key_file(settings: Settings) -> Path:
    return settings.key_file or settings.vault / "vault.key"


def _ask_passphrase(settings: Settings) -> str:
    if settings.passphrase is not None:
        return settings.passphrase
    if not sys.stdin.isatty():
        raise KeyMissing(
            "the vault is locked with a passphrase, and there is no terminal to ask for it; "
            "set ONLYME_PASSPHRASE for this program"
        )
    from getpass import getpass

    try:
        return getpass("Passphrase of the vault: ")
    except EOFError:
        raise KeyMissing("no passphrase was typed; the vault does not open") from None
