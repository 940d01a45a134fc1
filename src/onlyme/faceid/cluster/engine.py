"""Run the tasks of photos on several computers, from the process that opens the vault.

It sends the bytes of photos and nothing else, and believes no reply that it has not checked.
Sealing and writing stay here, so that a run that is interrupted on either side is continued like
one of this computer's own worker processes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from onlyme.errors import ImageError, OnlymeError, SettingsError, explain_extra
from onlyme.faceid import networks
from onlyme.faceid.cluster.courier import write_frame
from onlyme.faceid.cluster.place import check_place
from onlyme.faceid.cluster.remote import describe_networks, list_options
from onlyme.faceid.cluster.replies import (
    MAX_REPLY,
    Networks,
    ReplyRefused,
    read_networks,
    read_reply,
)
from onlyme.faceid.photo_tasks import ExaminedPhoto, PhotoTask, read_photo
from onlyme.storage.system import list_module_folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from onlyme.settings import Settings

__all__ = ["ClusterEngine"]

_TASKS_PER_THREAD: Final = 2
_MAX_TASKS: Final = 512
_MAX_BYTES: Final = 256 * 2**20
"""The most bytes of photos on their way, in memory here and at the scheduler."""

_MAX_LINE: Final = 4 * MAX_REPLY
_AGAIN: Final = "what was written stays; run the same command again, and it does the rest"


class ClusterEngine:
    """Workers of Dask on other computers, behind a scheduler.

    Args:
        address: `tls://host:port`.
        certificates: the folder of `ca.pem`, `caller.pem` and `caller.key`.
        settings: name the networks, which each worker must have as well.

    Raises:
        UsageError, SettingsError: address, certificates or packages cannot be used.
    """

    def __init__(self, address: str, certificates: Path | None, settings: Settings) -> None:
        from importlib.util import find_spec

        self._place = check_place(address, certificates)
        if find_spec("distributed") is None:
            raise SettingsError(f"--scheduler needs distributed; {explain_extra('cluster')}")
        self._settings = settings
        pipeline = networks.make_pipeline(settings)
        self._networks = describe_networks(pipeline, spills=False)
        embedder, second = pipeline.embedder, pipeline.second and pipeline.second()
        self._models = (
            (embedder.model, embedder.dimension),
            (second.model, second.dimension) if second else ("", 0),
        )
        self._max_bytes = int(settings.max_megabytes * 2**20)
        self._courier: subprocess.Popen[bytes] | None = None
        self._threads = 0

    @property
    def workers(self) -> int:
        """How many photos are examined at the same time."""
        return self._threads

    def __enter__(self) -> Self:
        """Connect to the scheduler, and refuse a cluster with other networks.

        Raises:
            OnlymeError: no connection, no worker, or one that has other networks.
        """
        self._courier = _start_courier()
        try:
            ca, certificate, key = (str(path.absolute()) for path in self._place[1:])
            head = {"address": self._place.address, "ca": ca, "certificate": certificate}
            options = json.dumps(list_options(self._settings))
            self._send(head | {"key": key, "options": options})
            self._check_workers(self._receive())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """End the connection; the scheduler then drops what is under way."""
        self._stop()

    def run(self, tasks: Iterable[PhotoTask]) -> Iterator[tuple[PhotoTask, ExaminedPhoto | None]]:
        """Run all tasks; yield each with its result, or with None if it crashed its workers.

        Raises:
            OnlymeError: the cluster is gone, or replied what cannot be.
        """
        source, number = iter(tasks), 0
        sent: dict[int, tuple[PhotoTask, str, int]] = {}
        while True:
            task: PhotoTask | None = None
            room = min(_MAX_TASKS, max(1, self._threads) * _TASKS_PER_THREAD)
            if len(sent) < room and sum(size for *_, size in sent.values()) < _MAX_BYTES:
                task = next(source, None)
            if task is not None:
                try:
                    content = read_photo(task.path, self._max_bytes)
                except ImageError as error:
                    yield task, ExaminedPhoto(error.source, note=error.cause)
                    continue
                self._send({"id": number, "enroll": task.enroll}, content)
                sent[number] = task, sha256(content).hexdigest(), len(content)
                number += 1
            elif not sent:
                return
            else:
                yield self._take(self._receive(), sent)

    def _take(
        self, answer: dict[str, Any], sent: dict[int, tuple[PhotoTask, str, int]]
    ) -> tuple[PhotoTask, ExaminedPhoto | None]:
        """Return the task that an answer is about, and what it says."""
        number, threads = answer.get("id"), answer.get("threads")
        if type(number) is not int or number not in sent or type(threads) is not int:
            raise ReplyRefused(f"the scheduler replied to a photo that was not sent; {_AGAIN}")
        task, digest, _ = sent.pop(number)
        self._threads = threads
        if answer.get("reply") is None:
            return task, None
        try:
            photo = read_reply(
                answer["reply"], self._networks, digest, str(task.path), self._models
            )
        except ReplyRefused as error:
            raise ReplyRefused(f"a reply of the cluster was refused: {error}; {_AGAIN}") from None
        return task, photo

    def _check_workers(self, answer: dict[str, Any]) -> None:
        """Refuse the whole cluster if one of its workers has other networks."""
        found = answer.get("workers")
        if not isinstance(found, list) or not found:
            raise ReplyRefused("the scheduler does not say which workers it has")
        for one in found:
            at = "".join(sign for sign in str(one.get("at")) if sign.isprintable())[:100]
            try:
                theirs = read_networks(one.get("reply"))
            except ReplyRefused as error:
                raise OnlymeError(f"the worker {at} cannot be used: {error}") from None
            if theirs != self._networks:
                raise OnlymeError(
                    f"the worker {at} cannot be used, and no person was enrolled: "
                    f"{_explain_difference(self._networks, theirs)}"
                )
            self._threads += int(one["threads"])

    def _send(self, head: dict[str, Any], content: bytes = b"") -> None:
        with suppress(BrokenPipeError):  # it ended; `_receive` says why
            write_frame(self._running.stdin, head, content)  # type: ignore[arg-type]  # it is a pipe

    def _receive(self) -> dict[str, Any]:
        """Return the courier's next answer.

        Raises:
            OnlymeError: it ended, or says why it must.
        """
        line = self._running.stdout.readline(_MAX_LINE)  # type: ignore[union-attr]  # it is a pipe
        try:
            answer = json.loads(line) if line else {"end": "the connection broke"}
        except (ValueError, RecursionError):
            answer = {"end": "it replied what cannot be read"}
        if not isinstance(answer, dict) or "end" in answer:
            told = answer.get("end") if isinstance(answer, dict) else None
            why = "".join(sign if sign.isprintable() else " " for sign in str(told))[:300]
            raise OnlymeError(
                f"the scheduler {self._place.address} cannot be used: {why}. Check that it and its "
                f"workers run, and that their certificates are of {self._place.ca}; {_AGAIN}"
            )
        return answer

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._courier is not None  # noqa: S101 - for the type checker; `with` starts it
        return self._courier

    def _stop(self) -> None:
        courier, self._courier = self._courier, None
        if courier is None:
            return
        courier.kill()
        for pipe in (courier.stdin, courier.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]  # it is a pipe
        courier.wait()


def _start_courier() -> subprocess.Popen[bytes]:
    """Start the courier without the settings of onlyme and Dask: one may be the passphrase."""
    given = {
        key: value for key, value in os.environ.items() if not key.startswith(("ONLYME_", "DASK_"))
    }
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "onlyme.faceid.cluster.courier"],
        env=given | {"PYTHONPATH": list_module_folders()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the caller alone
    )


def _explain_difference(ours: Networks, theirs: Networks) -> str:
    """Say what is to be changed on a worker."""
    if ours.version != theirs.version:
        return f"it has onlyme {theirs.version}, and this computer {ours.version}"
    if (ours.fingerprint, ours.second) != (theirs.fingerprint, theirs.second):
        return (
            "it has other networks, or runs them otherwise; install the same onlyme and networks "
            "there, with the same setting `runtime`"
        )
    if ours.reads_heic != theirs.reads_heic:
        have, lack = ("this computer", "it") if ours.reads_heic else ("it", "this computer")
        return f"{have} can read HEIC photos and {lack} cannot; install the extra `heic` on both"
    return (
        "it may write photos to its disk; start it with DASK_DISTRIBUTED__WORKER__MEMORY__TARGET="
        "False and DASK_DISTRIBUTED__WORKER__MEMORY__SPILL=False"
    )
