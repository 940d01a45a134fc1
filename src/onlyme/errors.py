"""Everything that onlyme raises, as one tree.

A *rejected* face is a `Decision`, not an exception. An exception means *could
not decide*; it never opens anything. The command line answers each of them
with exit code 2 and its message.

    OnlymeError
    ├── UsageError            the call itself makes no sense
    ├── SettingsError         environment or TOML holds what cannot be used
    ├── ImageError            these bytes are no picture that can be used
    ├── CameraError           no frame can be had from this camera or video
    ├── ModelError            a network cannot be used
    │   ├── ModelMissing      its file is not there
    │   └── ModelRefused      its file is not the one that the manifest names
    ├── EnrollmentError       the photos do not make a template
    │   └── OwnerExists       that name is taken; add or replace
    ├── UnknownOwner          nobody of that name is enrolled
    ├── NeedsReenroll         the template was made by another network
    ├── NotCalibrated         no false accept rate can be promised
    ├── PamError              a login's PAM files cannot be changed safely
    └── VaultError            the store cannot be read or written
        ├── VaultBusy         another process holds it for too long
        ├── VaultDamaged      it holds what onlyme never wrote, or wrote earlier
        ├── KeyMissing        the key is not where it should be; nothing opens
        └── KeyRefused        a key is there, but wrong, or open to others

Messages name the source and say what to do next. They never hold pixels or
embeddings.
"""

__all__ = [
    "CameraError",
    "EnrollmentError",
    "ImageError",
    "KeyMissing",
    "KeyRefused",
    "ModelError",
    "ModelMissing",
    "ModelRefused",
    "NeedsReenroll",
    "NotCalibrated",
    "OnlymeError",
    "OwnerExists",
    "PamError",
    "SettingsError",
    "UnknownOwner",
    "UsageError",
    "VaultBusy",
    "VaultDamaged",
    "VaultError",
]


class OnlymeError(Exception):
    """Base class of every exception that onlyme raises."""


class UsageError(OnlymeError):
    """The call itself makes no sense: a wrong type, shape, range or combination."""


class SettingsError(OnlymeError):
    """The environment or the settings file holds what cannot be used."""


class ImageError(OnlymeError):
    """A picture cannot be used.

    Attributes:
        source: what the caller gave: a path, or a word such as `"bytes"`.
        cause: why it cannot be used, in words.
    """

    def __init__(self, source: str, cause: str) -> None:
        super().__init__(f"{source}: {cause}")
        self.source = source
        self.cause = cause

    def __reduce__(self) -> tuple[type["ImageError"], tuple[str, str]]:
        """Pickle by the two parts, so that worker processes can pass it on."""
        return type(self), (self.source, self.cause)


class CameraError(OnlymeError):
    """No frame can be had from this camera or video: absent, busy, silent or ended."""


class ModelError(OnlymeError):
    """A network cannot be used."""


class ModelMissing(ModelError):  # noqa: N818 - a state, read as one in `except ModelMissing`
    """A network's file is not where the manifest says."""


class ModelRefused(ModelError):  # noqa: N818
    """A network's file is not the one that the manifest names."""


class EnrollmentError(OnlymeError):
    """The photos do not make a template; the message says photo by photo why."""


class OwnerExists(EnrollmentError):  # noqa: N818
    """That name is enrolled already; say `add=True` or `replace=True`."""


class UnknownOwner(OnlymeError):  # noqa: N818
    """Nobody of that name is enrolled."""


class NeedsReenroll(OnlymeError):  # noqa: N818
    """The template was made by another network than the one in use."""


class NotCalibrated(OnlymeError):  # noqa: N818
    """No false accept rate can be promised for this network."""


class PamError(OnlymeError):
    """A login's PAM files are not understood or cannot be changed safely, and were not."""


class VaultError(OnlymeError):
    """The store cannot be read or written."""


class VaultBusy(VaultError):  # noqa: N818
    """Another process holds the store for too long."""


class VaultDamaged(VaultError):  # noqa: N818
    """The store holds what onlyme never wrote, or wrote earlier and replaced since."""


class KeyMissing(VaultError):  # noqa: N818
    """The vault's key is not where it should be. Without it nothing opens."""


class KeyRefused(VaultError):  # noqa: N818
    """A key is there, but it is not this vault's, or others could read it."""


def unknown_owner(name: str, names: list[str]) -> UnknownOwner:
    """Make the error for a name that is not enrolled; its message lists some that are."""
    enrolled = ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
    return UnknownOwner(f"nobody called {name!r} is enrolled; enrolled: {enrolled or 'nobody yet'}")


def refuse_taken(name: str, *, taken: bool) -> None:
    """Refuse to enroll under a name that is taken.

    Raises:
        OwnerExists: it is taken.
    """
    if taken:
        raise OwnerExists(
            f"{name} is enrolled already; add to it (--add) or start over (--replace)"
        )


def refuse_twice(name: str, *, in_gallery: bool) -> None:
    """Refuse to enroll in the vault a name that a person of the gallery has.

    Raises:
        OwnerExists: the gallery has a person of this name.
    """
    if in_gallery:
        raise OwnerExists(
            f"{name} is in the gallery; change people there with enroll-folder, or forget {name} "
            "first"
        )


for _name in __all__:
    globals()[_name].__module__ = "onlyme"  # where users find it, and what a traceback says
