"""Carry photos to a Dask scheduler, and replies back: a process between the caller and the cluster.

Run as `python -m onlyme.faceid.cluster.courier`. It is a process of its own so that Dask's code,
threads and connections are not where the vault's key is. The environment that it gets names no
passphrase, and nothing here opens the vault.

The caller writes frames to standard input (a line of JSON that names the size of the bytes behind
it), and reads lines of JSON from standard output. When either end closes, the process ends.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main", "refuse_pickles", "write_frame"]

CONNECT_SECONDS: Final = 20
START_SECONDS: Final = 120.0
"""A worker loads its networks in this time."""

MAX_SECONDS_STILL: Final = 600.0
"""After this time without a reply to any photo the cluster is given up."""

MAX_SECONDS_ALONE: Final = 60.0
"""The courier waits for a worker at most this time when there is none."""

_CONFIG: Final = {
    "distributed.client.preload": [],
    "distributed.comm.require-encryption": True,
    "distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s",
    "distributed.admin.large-graph-warning-threshold": "4GiB",  # a photo travels with its task
    "distributed.diagnostics.nvml": False,
}


def write_frame(file: BinaryIO, head: dict[str, Any], content: bytes = b"") -> None:
    """Write a frame of the caller's."""
    file.write(json.dumps(head | {"size": len(content)}).encode() + b"\n" + content)
    file.flush()


def main() -> None:
    """Connect, say which workers there are, and carry photos until the caller is done."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller handles Ctrl-C, and ends this process
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer

    def tell(**answer: Any) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    asked = json.loads(sys.stdin.buffer.readline())
    try:
        _carry(asked, tell)
    except Exception as error:  # noqa: BLE001 - Dask raises what it likes; the caller says it in words
        tell(end=f"{type(error).__name__}: {error}"[:300])
    answers.flush()
    os._exit(0)  # Dask's threads wait for a scheduler that may be gone


def _carry(asked: dict[str, Any], tell: Callable[..., None]) -> None:
    client = _connect(asked)
    from onlyme.faceid.cluster import remote

    options, inbox = asked["options"], queue.SimpleQueue[tuple[Any, bytes]]()
    described = _describe_workers(client, lambda: remote.describe, options)
    tell(workers=described)
    Thread(target=_read_frames, args=(sys.stdin.buffer, inbox.put), daemon=True).start()
    known_at = checked_at = replied_at = monotonic()
    waiting = 0
    threads = sum(one["threads"] for one in described)
    while True:
        if monotonic() - checked_at > 1:
            checked_at, threads = monotonic(), sum(_list_workers(client).values())
            known_at = checked_at if threads else known_at
        if monotonic() - known_at > MAX_SECONDS_ALONE:
            tell(end=f"no worker was connected to the scheduler for {MAX_SECONDS_ALONE:.0f} s")
            return
        replied_at = replied_at if waiting else monotonic()
        if monotonic() - replied_at > MAX_SECONDS_STILL:
            tell(end=f"it replied to no photo for {MAX_SECONDS_STILL / 60:.0f} minutes")
            return
        if client.status != "running":
            tell(end="the connection to the scheduler was lost")
            return
        try:
            head, content = inbox.get(timeout=0.5)
        except queue.Empty:
            continue
        if head is None:
            return
        if isinstance(head, dict):
            future = client.submit(
                *(remote.examine, content, options),
                enroll=head["enroll"],
                pure=False,
                key=f"onlyme-{os.urandom(12).hex()}",
            )
            waiting += 1
            future.add_done_callback(lambda one, number=head["id"]: inbox.put(((number, one), b"")))
            continue
        number, future = head
        waiting, replied_at = waiting - 1, monotonic()
        if future.status == "cancelled" or future.status == "lost":
            tell(end="the scheduler lost a photo; its connection or memory was lost")
            return
        reply = future.result() if future.status == "finished" else None
        tell(id=number, reply=reply if isinstance(reply, str) else None, threads=threads)


def _read_frames(file: BinaryIO, put: Callable[[tuple[Any, bytes]], None]) -> None:
    while line := file.readline():
        head = json.loads(line)
        put((head, file.read(head["size"])))
    put((None, b""))


def _connect(asked: dict[str, Any]) -> Any:
    """Connect with certificates both ways, by no configuration but ours."""
    import dask.config

    dask.config.refresh(paths=[], env={})
    dask.config.set(_CONFIG)
    import ssl

    from distributed import Client
    from distributed.security import Security

    refuse_pickles()
    security = Security(  # type: ignore[no-untyped-call]  # Dask has few types
        tls_ca_file=asked["ca"],
        tls_client_cert=asked["certificate"],
        tls_client_key=asked["key"],
        require_encryption=True,
        tls_min_version=ssl.TLSVersion.TLSv1_3,
    )
    return Client(  # type: ignore[no-untyped-call]  # as above
        asked["address"],
        security=security,
        set_as_default=False,
        direct_to_workers=False,
        timeout=CONNECT_SECONDS,
        serializers=["msgpack"],
        deserializers=["msgpack"],
    )


def refuse_pickles() -> None:
    """Make this process unpickle nothing that it receives.

    Dask unpickles what a scheduler sends, so that a scheduler could run any code here. What is
    needed comes as msgpack, but for one constant: the type of our replies. In place of each other
    pickle stands None: an exception here would end the task that listens to the scheduler.
    """
    import pickle
    from types import SimpleNamespace

    import distributed.client
    import distributed.protocol.core
    import distributed.protocol.pickle

    allowed = {pickle.dumps(str, protocol) for protocol in (4, 5)}
    merge = vars(distributed.protocol.core)["merge_and_deserialize"]

    def loads(content: Any, *, buffers: object = ()) -> Any:
        return str if bytes(content) in allowed and not buffers else None

    def load_frames(header: dict[str, Any], frames: Any, deserializers: object = None) -> Any:
        del deserializers  # a call may leave them out, and then Dask would take any
        if header.get("serializer") == "msgpack":
            return merge(header, frames, deserializers=["msgpack"])
        return None

    for module in (distributed.protocol.pickle, distributed.client):
        vars(module)["loads"] = loads
    vars(distributed.protocol.core)["merge_and_deserialize"] = load_frames
    vars(distributed.client)["pickle"] = SimpleNamespace(loads=loads)


def _list_workers(client: Any) -> dict[str, int]:
    """Return the threads of each worker by its address.

    `client.scheduler_info` may return what its own clock asked for meanwhile, which has no workers.
    """
    workers = client.sync(client.scheduler.identity, n_workers=-1)["workers"]
    return {address: int(one["nthreads"]) for address, one in workers.items()}


def _describe_workers(
    client: Any, find_describe: Callable[[], Any], options: str
) -> list[dict[str, Any]]:
    """Ask each worker which networks it has; wait for a first one."""
    start = monotonic()
    while not (workers := _list_workers(client)):
        if monotonic() - start > MAX_SECONDS_ALONE:
            raise TimeoutError(f"no worker connected to the scheduler in {MAX_SECONDS_ALONE:.0f} s")
        client.wait_for_workers(1, timeout=MAX_SECONDS_ALONE)
    asked = {
        address: client.submit(
            *(find_describe(), options), pure=False, workers=[address], allow_other_workers=False
        )
        for address in workers
    }
    described = []
    for address, future in asked.items():
        while not future.done() and address in _list_workers(client):
            if monotonic() - start > START_SECONDS:
                raise TimeoutError(f"the worker {address} does not answer")
            sleep(0.05)
        if future.status == "finished":
            reply = future.result()
            text = reply if isinstance(reply, str) else None
            described.append({"at": address, "threads": workers[address], "reply": text})
        elif future.done():
            raise RuntimeError(f"the worker {address} cannot run onlyme; is it installed there?")
    if not described:
        raise TimeoutError("the workers went away")
    return described


if __name__ == "__main__":
    main()
