"""Connections to PostgreSQL: shared, bounded in time, and tried again where that is safe.

A read that loses its connection is done again. A write leaves a receipt in its own
transaction; when its end was not heard, it is done again only if the receipt is not there.
So a write happens once. (The server's own answer, `pg_xact_status`, will not do: after a
crash a number that was lost may be given to another's transaction.)
"""

from __future__ import annotations

import logging
import os
import random
import time
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import psycopg
from pgvector.psycopg import register_vector
from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from onlyme.errors import VaultBusy, VaultDamaged, VaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import URL, Connection, Engine

    from onlyme.gallery.stores.postgres.address import DatabaseAddress

    T = TypeVar("T")

__all__ = ["POSTGRES_WAIT_SECONDS", "ConnectionPool", "translate_postgres_errors"]

POSTGRES_WAIT_SECONDS = 10.0
"""How long a call waits for a server that is away, or for another's change."""

_POOL_CONNECTIONS = 5
_STATEMENT_SECONDS = 60
_CONNECT = {
    "connect_timeout": 5,
    # A machine that vanished is noticed within half a minute.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "onlyme",
}
_SESSION = (
    f"SET statement_timeout = '{_STATEMENT_SECONDS}s'",
    f"SET lock_timeout = '{POSTGRES_WAIT_SECONDS:.0f}s'",
    "SET idle_in_transaction_session_timeout = '60s'",
    # Survives the machine's end, whatever the server's default is.
    "SET synchronous_commit = on",
    "SET jit = off",  # compiling takes longer than searching
    # Wide enough for a recall of 0.999 at 100,000 people; who set another keeps it.
    (
        "SELECT set_config('hnsw.ef_search', '200', false) "
        "WHERE current_setting('hnsw.ef_search', true) IS NULL"
    ),
    # Rows that are gone stay in an index until a vacuum: look on until there are enough.
    "SET hnsw.iterative_scan = relaxed_order",
)
_AGAIN = ("40001", "40P01")  # serialization failure, deadlock: nothing was done
_BUSY = ("55P03", "57014", "53300", *_AGAIN)  # lock, time-out, too many connections
_DAMAGED = ("XX001", "XX002")
_AWAY = ("57P01", "57P02", "57P03")  # the server was ended, crashed, or starts
_SOON = ("starting up", "shutting down", "recovery", "accepting connections")


class ConnectionPool:
    """Connections to one database, shared by all threads of this process.

    Args:
        address: of the database.
    """

    def __init__(self, address: DatabaseAddress) -> None:
        self._address = address
        self._engine: Engine | None = _acquire_engine(address)
        self._process = os.getpid()

    def close(self) -> None:
        """Give the connections back; the last one who does ends them."""
        if self._engine is not None and self._process == os.getpid():
            _release_engine(self._address)
        self._engine = None

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run statements that change nothing; anew if the connection was lost.

        Each statement sees what was complete when it began.

        Raises:
            VaultBusy, VaultDamaged, VaultError: it could not be read.
        """
        engine = self._get_engine().execution_options(isolation_level="AUTOCOMMIT")

        def attempt() -> T:
            with engine.connect() as connection:
                return work(connection)

        return self._retry(attempt)

    def write(
        self,
        work: Callable[[Connection], T],
        was_kept: Callable[[Connection], bool] = lambda _: False,
    ) -> T:
        """Run statements as one transaction: all of it once, or nothing.

        Args:
            work: what to do; it is called again only after nothing of it was kept. It may
                roll back where there is nothing to change.
            was_kept: asked on another connection whether the last try was kept, when its end was
                not heard. By default it is done again: right for what does no harm twice.

        Raises:
            VaultBusy, VaultDamaged, VaultError: nothing was written; or, where the message
                says so, it is not known whether it was.
        """
        engine = self._get_engine()

        def attempt() -> T:
            with engine.connect() as connection:
                done = work(connection)
                try:
                    connection.commit()
                except DBAPIError as error:
                    if not _is_lost(error) or not self._ask_if_kept(was_kept):
                        raise
                return done

        return self._retry(attempt)

    def maintain(self, work: Callable[[Connection], T]) -> T:
        """Run statements that take long and cannot be in a transaction, once.

        Raises:
            VaultBusy, VaultDamaged, VaultError: they could not be run to their end.
        """
        engine = self._get_engine().execution_options(isolation_level="AUTOCOMMIT")
        with translate_postgres_errors(self._address), engine.connect() as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            try:
                return work(connection)
            finally:
                connection.invalidate()  # a connection without a limit serves nobody else

    def _get_engine(self) -> Engine:
        if self._engine is None:
            raise VaultError("the gallery is closed")
        if self._process != os.getpid():  # a connection serves one process
            self._engine, self._process = _acquire_engine(self._address), os.getpid()
        return self._engine

    def _retry(self, attempt: Callable[[], T]) -> T:
        deadline = time.monotonic() + POSTGRES_WAIT_SECONDS
        pause = 0.02
        while True:
            with translate_postgres_errors(self._address):
                try:
                    return attempt()
                except DBAPIError as error:
                    again = _is_lost(error) or _read_sqlstate(error) in _AGAIN
                    if not again or time.monotonic() + pause > deadline:
                        raise
            time.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - no secret
            pause = min(2 * pause, 0.5)

    def _ask_if_kept(self, kept: Callable[[Connection], bool]) -> bool:
        try:
            return self.read(kept)
        except VaultError as error:
            raise VaultError(
                f"{error}; the connection was lost while a change was being kept, and it is not "
                "known whether it was: do it again, that does no harm"
            ) from None


# ------------------------------------------------------------------- errors


def _read_sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _is_lost(error: DBAPIError) -> bool:
    """Whether the connection is gone or could not be had, as when a server starts anew."""
    state = _read_sqlstate(error)
    if error.connection_invalidated or state in _AWAY or (state or "").startswith("08"):
        return True
    if state is not None or not isinstance(error.orig, psycopg.OperationalError):
        return False
    # No connection was made. Where the server itself refused it, trying again would only
    # look like guessing a password.
    said = str(error.orig)
    return "FATAL" not in said or any(words in said for words in _SOON)


@contextmanager
def translate_postgres_errors(address: DatabaseAddress) -> Iterator[None]:
    """Turn what PostgreSQL and its driver raise into VaultErrors that say what to do."""
    try:
        yield
    except PoolTimeoutError:
        raise VaultBusy(f"{address}: all connections are in use; try again") from None
    except DBAPIError as error:
        raise _make_error(address, error) from None
    except psycopg.Error as error:
        raise VaultError(f"{address}: {address.redact(str(error))}") from None


def _make_error(address: DatabaseAddress, error: DBAPIError) -> VaultError:
    state = _read_sqlstate(error) or ""
    # The first line only: further ones may quote rows and parameters.
    said = address.redact(str(error.orig))
    if _is_lost(error):
        return VaultError(f"{address} does not answer: {said}; is the server running?")
    if state in _BUSY:
        return VaultBusy(f"{address} is busy: {said}; try again")
    if state in _DAMAGED:
        return VaultDamaged(f"{address} is damaged: {said}")
    if state in {"42P01", "42703", "3F000"}:  # no such table, column, schema
        return VaultError(f"{address} holds no gallery; `onlyme store upgrade` makes one")
    if state == "25006":  # read only
        return VaultError(f"{address} is a replica, which can be searched only; name the primary")
    if state == "42501":
        return VaultError(f"{address}: {said}; its owner can GRANT that")
    return VaultError(f"{address}: {said}")


# ------------------------------------------------------- one engine a process

# What the driver says of a connection that is gone is said by our errors.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

_engines: dict[tuple[int, URL], tuple[Engine, int]] = {}
_lock = Lock()


def _acquire_engine(address: DatabaseAddress) -> Engine:
    key = os.getpid(), address.url
    with _lock:
        engine, users = _engines.get(key) or (_make_engine(address), 0)
        _engines[key] = engine, users + 1
    return engine


def _release_engine(address: DatabaseAddress) -> None:
    key = os.getpid(), address.url
    with _lock:
        engine, users = _engines.pop(key)
        if users > 1:
            _engines[key] = engine, users - 1
            return
    engine.dispose()


def _make_engine(address: DatabaseAddress) -> Engine:
    engine = create_engine(
        address.url,
        connect_args=_CONNECT,
        pool_size=_POOL_CONNECTIONS,
        max_overflow=_POOL_CONNECTIONS,
        pool_timeout=POSTGRES_WAIT_SECONDS,
        pool_recycle=1800,
        hide_parameters=True,  # vectors belong in no message
    )
    event.listen(engine, "connect", _prepare_connection)
    return engine


def _prepare_connection(connection: psycopg.Connection[object], _record: object) -> None:
    for statement in _SESSION:
        connection.execute(statement)
    with suppress(psycopg.ProgrammingError):  # before `onlyme store upgrade` there is no such type
        register_vector(connection)
    connection.commit()
