"""Define every exception that onlyme raises, as one tree.

A *rejected* face is a `Decision`, not an exception. An exception means that onlyme *could not
decide*; it never opens anything. The command line prints its message, and exits with code 2.

    OnlymeError
    ├── UsageError            the call itself makes no sense
    │   └── NoSuchGroup       no such group of unknown visits, or it has changed
    ├── SettingsError         the environment or the settings file holds a wrong value
    ├── ImageError            these bytes are not a picture that can be used
    ├── CameraError           this camera or video gives no frame
    ├── ModelError            a network cannot be used
    │   ├── ModelMissing      its file is missing
    │   └── ModelRefused      its file is not the one that the manifest names
    ├── EnrollmentError       the photos do not make a template
    │   └── OwnerExists       that name is taken; add or replace
    │       └── SamePerson    the person is enrolled under another name
    ├── UnknownOwner          no person of that name is enrolled
    ├── NeedsReenroll         the template was made by another network
    ├── NotCalibrated         no false accept rate is known for this network
    ├── PamError              a login's PAM files cannot be changed safely
    └── VaultError            the vault cannot be read or written
        ├── VaultBusy         another process uses it for too long
        ├── VaultDamaged      it was damaged or changed, or replaced by an older copy
        ├── KeyMissing        its key is missing; it does not open
        └── KeyRefused        its key is wrong, or other users can read the key

A message names the source and says what to do next. It never holds pixels or embeddings.
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
    "NoSuchGroup",
    "NotCalibrated",
    "OnlymeError",
    "OwnerExists",
    "PamError",
    "SamePerson",
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


class NoSuchGroup(UsageError):  # noqa: N818 - a state; `except NoSuchGroup` reads well
    """No group of unknown visits has this id, or its visits have changed; list them again."""


class SettingsError(OnlymeError):
    """The environment or the settings file holds a value that cannot be used."""


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
        """Pickle the two parts, so that worker processes can pass the exception on."""
        return type(self), (self.source, self.cause)


class CameraError(OnlymeError):
    """This camera or video gives no frame: it is absent, busy, silent or at its end."""


class ModelError(OnlymeError):
    """A network cannot be used."""


class ModelMissing(ModelError):  # noqa: N818 - a state, as above
    """A network's file is not where the manifest says."""


class ModelRefused(ModelError):  # noqa: N818 - a state, as above
    """A network's file is not the one that the manifest names."""


class EnrollmentError(OnlymeError):
    """The photos do not make a template; the message says why, photo by photo."""


class OwnerExists(EnrollmentError):  # noqa: N818 - a state, as above
    """A person of that name is enrolled already; use `add=True` or `replace=True`."""


class SamePerson(OwnerExists):
    """The photos show a person who is enrolled under another name; `anyway=True` allows it."""


class UnknownOwner(OnlymeError):  # noqa: N818 - a state, as above
    """No person of that name is enrolled."""


class NeedsReenroll(OnlymeError):  # noqa: N818 - a state, as above
    """The template was made by another network than the one in use."""


class NotCalibrated(OnlymeError):  # noqa: N818 - a state, as above
    """No false accept rate is known for this network."""


class PamError(OnlymeError):
    """A login's PAM files cannot be understood or changed safely, and were not changed."""


class VaultError(OnlymeError):
    """The vault, or the gallery, cannot be read or written."""


class VaultBusy(VaultError):  # noqa: N818 - a state, as above
    """Another process uses the vault or the gallery for too long."""


class VaultDamaged(VaultError):  # noqa: N818 - a state, as above
    """The vault or the gallery was damaged or changed, or replaced by an older copy."""


class KeyMissing(VaultError):  # noqa: N818 - a state, as above
    """The vault's key is missing. Without it the vault does not open."""


class KeyRefused(VaultError):  # noqa: N818 - a state, as above
    """A key is there, but it is not this vault's, or other users can read it."""


def unknown_owner(name: str, names: list[str]) -> UnknownOwner:
    """Make the error for a name that is not enrolled; its message lists some owners."""
    missing = f"no person called '{name}' is enrolled"  # a repr would show joiners as escapes
    if not names:
        return UnknownOwner(f"{missing}; enroll one with `onlyme enroll NAME PHOTO`")
    enrolled = ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
    return UnknownOwner(f"{missing}; enrolled: {enrolled}")


def explain_extra(extra: str) -> str:
    """Say how to install the packages of an extra into the Python that runs.

    The command names these packages, and never onlyme itself: no registry carries it, so that
    a package of that name could be anybody's.

    Args:
        extra: a name in `[project.optional-dependencies]`, such as `fast`.
    """
    # Imported here: only a message needs them.
    import re
    import shlex
    import sys
    from importlib.metadata import PackageNotFoundError, requires
    from importlib.util import find_spec

    from_wheel = f"install onlyme from its wheel with the extra `{extra}` (documentation: Install)"
    try:
        entries = [entry.partition(";") for entry in requires("onlyme") or ()]
    except PackageNotFoundError:  # it runs from a folder of sources
        return from_wheel
    pattern = rf"\bextra\s*==\s*[\"']{re.escape(extra)}[\"']"
    packages = [name.strip() for name, _, marker in entries if re.search(pattern, marker)]
    if not packages or find_spec("pip") is None:
        return from_wheel
    return shlex.join([sys.executable, "-m", "pip", "install", *packages])


def show_argument(value: object) -> str:
    """Show a wrong argument in a message: a short text as it was given, of all else its kind.

    A picture or an embedding that was given by mistake must not reach a message.

    >>> show_argument("of"), show_argument(0.5), show_argument([0.1, 0.2])
    ("'of'", '0.5', 'list')
    """
    if value is None or isinstance(value, bool | float):
        return str(value)
    if type(value) is int and abs(value) < 10**12:  # more digits than that tell nothing
        return str(value)
    if type(value) is str and len(value) <= 64:
        return repr(value)
    return type(value).__name__


def check_number(what: str, value: object, low: float, high: float) -> float:
    """Return a number, of any type that Python or NumPy has for it, that is in a range.

    Raises:
        UsageError: it is not.

    >>> check_number("a rate", 1, 0, 1)
    1.0
    """
    from numbers import Real

    limits = f"{what} lies between {low:g} and {high:g}"
    if isinstance(value, bool) or not isinstance(value, Real):  # True would be taken for 1
        raise UsageError(f"{limits}, and {show_argument(value)} is no number")
    number: float = value  # type: ignore[assignment]  # Real has no operators
    if not low <= number <= high:  # NaN is in no range
        raise UsageError(f"{limits}, not {show_argument(value)}")
    return float(number)


def check_callback(what: str, value: object) -> None:
    """Check, before anything is done, that what is to be called later can be called.

    What a callback raises is not caught: it ends the call, and reaches the caller as it is.

    Raises:
        UsageError: it is no function.
    """
    if value is not None and not callable(value):
        raise UsageError(f"{what} is a function, not {show_argument(value)}")


def refuse_taken(name: str, *, taken: bool) -> None:
    """Refuse to enroll under a name that is taken.

    Raises:
        OwnerExists: it is taken.
    """
    if taken:
        raise OwnerExists(
            f"{name} is enrolled already; add photos (--add) or start again (--replace)"
        )


_SHARED_RATE = (
    "whose people share one rate, the setting `fpir`; `onlyme store certificate` shows it, and "
    "`onlyme enroll` makes an owner with a rate of their own, once `onlyme forget NAME` was run"
)


def refuse_gallery(name: str, *, in_gallery: bool, instead: str = _SHARED_RATE) -> None:
    """Refuse to do with a person of the gallery what only owners in the vault have.

    Args:
        name: the person's.
        in_gallery: whether the person is in the gallery, and no owner.
        instead: goes on with the sentence: what serves people of the gallery; NAME is replaced.

    Raises:
        UsageError: the person is in the gallery.
    """
    if in_gallery:
        raise UsageError(f"{name} is in the gallery, {instead.replace('NAME', name)}")


def refuse_twice(name: str, *, in_gallery: bool) -> None:
    """Refuse to enroll in the vault a name that a person of the gallery has.

    Raises:
        OwnerExists: the gallery has a person of this name.
    """
    if in_gallery:
        raise OwnerExists(
            f"{name} is enrolled in the gallery; change people there with `onlyme enroll-folder`, "
            f"or run `onlyme forget {name}` first"
        )


for _name in __all__:
    globals()[_name].__module__ = "onlyme"  # where users find it, and what a traceback says
