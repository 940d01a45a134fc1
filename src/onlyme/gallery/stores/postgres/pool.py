"""Share connections to PostgreSQL, limit their time, and retry where that is safe.

A read that loses its connection is repeated. A write leaves a receipt in its own transaction;
if the connection is lost during the commit, the write is repeated only if the receipt is missing.
So a write happens once. (The server's own answer, `pg_xact_status`, is no replacement: after a
crash the number of a lost transaction may be given to another one.)
"""

from __future__ import annotations

import logging
import os
import random
import time
from contextlib import contextmanager, suppress
from functools import partial
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

__all__ = [
    "EXTENSION_SCHEMA",
    "POSTGRES_WAIT_SECONDS",
    "ConnectionPool",
    "translate_postgres_errors",
]

POSTGRES_WAIT_SECONDS = 10.0
"""How long a call waits for a server that does not answer, or for a change by another process."""

_POOL_CONNECTIONS = 5
_STATEMENT_SECONDS = 60
_CONNECT = {
    "connect_timeout": 5,
    # A machine that disappears is noticed within half a minute.
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
    # A commit survives a crash of the machine, even if the server's default is otherwise.
    "SET synchronous_commit = on",
    "SET jit = off",  # compiling takes longer than searching
    # Enough for a recall of 0.999 at 100,000 people; a value set by the server stays.
    (
        "SELECT set_config('hnsw.ef_search', '200', false) "
        "WHERE current_setting('hnsw.ef_search', true) IS NULL"
    ),
    # Removed rows stay in an index until a vacuum: continue until there are enough others.
    "SET hnsw.iterative_scan = relaxed_order",
)
EXTENSION_SCHEMA = (
    "SELECT coalesce((SELECT extnamespace::regnamespace::name FROM pg_extension "
    "WHERE extname = 'vector'), 'public')"
)
"""The schema that holds pgvector's types; `public` where it is not enabled yet."""

_RETRY = ("40001", "40P01")  # serialization failure, deadlock: nothing was done
_BUSY = ("55P03", "57014", "53300", *_RETRY)  # lock, time-out, too many connections
_DAMAGED = ("XX001", "XX002")
_UNAVAILABLE = ("57P01", "57P02", "57P03")  # the server was stopped, crashed, or is starting
_TEMPORARY = ("starting up", "shutting down", "recovery", "accepting connections")


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
        """Give the connections back; the last store to do so closes them."""
        if self._engine is not None and self._process == os.getpid():
            _release_engine(self._address)
        self._engine = None

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run statements that change nothing; repeat them if the connection was lost.

        Each statement sees the changes that were complete when it began.

        Raises:
            VaultBusy, VaultDamaged, VaultError: the database could not be read.
        """
        engine = self._get_engine().execution_options(isolation_level="AUTOCOMMIT")

        def attempt() -> T:
            with engine.connect() as connection:
                return work(connection)

        return self._retry(attempt)

    def write(
        self,
        work: Callable[[Connection], T],
        was_committed: Callable[[Connection], bool] = lambda _: False,
    ) -> T:
        """Run statements as one transaction, once: all of it or nothing.

        Args:
            work: the statements; called again only if nothing of it was committed. It may roll
                back if there is nothing to change.
            was_committed: when the connection was lost during a commit, tells on another
                connection whether the commit happened. By default the work is repeated, which
                suits work that may be done twice.

        Raises:
            VaultBusy, VaultDamaged, VaultError: nothing was written; or, if the message says
                so, it is not known whether the change was written.
        """
        engine = self._get_engine()

        def attempt() -> T:
            with engine.connect() as connection:
                result = work(connection)
                try:
                    connection.commit()
                except DBAPIError as error:
                    if not _is_lost(error) or not self._ask_if_committed(was_committed):
                        raise
                return result

        return self._retry(attempt)

    def maintain(self, work: Callable[[Connection], T]) -> T:
        """Run once statements that take long and cannot be in a transaction.

        Raises:
            VaultBusy, VaultDamaged, VaultError: they could not be completed.
        """
        engine = self._get_engine().execution_options(isolation_level="AUTOCOMMIT")
        with translate_postgres_errors(self._address), engine.connect() as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            try:
                return work(connection)
            finally:
                connection.invalidate()  # a connection without a time limit is not used again

    def _get_engine(self) -> Engine:
        if self._engine is None:
            raise VaultError("the gallery is closed")
        if self._process != os.getpid():  # a connection must not be shared with the parent process
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
                    retry = _is_lost(error) or _read_sqlstate(error) in _RETRY
                    if not retry or time.monotonic() + pause > deadline:
                        raise
            time.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - a pause is no secret
            pause = min(2 * pause, 0.5)

    def _ask_if_committed(self, was_committed: Callable[[Connection], bool]) -> bool:
        try:
            return self.read(was_committed)
        except VaultError as error:
            raise VaultError(
                f"{error}; the connection was lost during a change, and it is not known whether "
                "the change was written. Do it again: doing it twice does no harm"
            ) from None


# ------------------------------------------------------------------- errors


def _read_sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _is_lost(error: DBAPIError) -> bool:
    """Whether the connection was lost or could not be made, as when a server restarts."""
    state = _read_sqlstate(error)
    if error.connection_invalidated or state in _UNAVAILABLE or (state or "").startswith("08"):
        return True
    if state is not None or not isinstance(error.orig, psycopg.OperationalError):
        return False
    # No connection was made. If the server itself refused it, trying again would only look
    # like guessing a password.
    message = str(error.orig)
    return "FATAL" not in message or any(words in message for words in _TEMPORARY)


@contextmanager
def translate_postgres_errors(address: DatabaseAddress) -> Iterator[None]:
    """Turn errors of PostgreSQL and its driver into VaultErrors that say what to do."""
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
    message = address.redact(str(error.orig))
    if _is_lost(error):
        return VaultError(f"{address} does not answer: {message}; is the server running?")
    if state in _BUSY:
        return VaultBusy(f"{address} is busy: {message}; try again")
    if state in _DAMAGED:
        return VaultDamaged(f"{address} is damaged: {message}")
    if state in {"42P01", "42703", "3F000"}:  # no such table, column, schema
        return VaultError(f"{address} holds no gallery; make one with `onlyme store upgrade`")
    if state == "25006":  # read only
        return VaultError(
            f"{address} is a replica, which can only be searched; set store to the primary"
        )
    if state == "42501":
        return VaultError(f"{address}: {message}; the owner of the database can GRANT this right")
    return VaultError(f"{address}: {message}")


# ------------------------------------------------------- one engine a process

# Our own errors report lost connections, so the driver need not log them.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

_engines: dict[tuple[int, URL, str], tuple[Engine, int]] = {}
_lock = Lock()


def _acquire_engine(address: DatabaseAddress) -> Engine:
    key = os.getpid(), address.url, address.tenant
    with _lock:
        engine, users = _engines.get(key) or (_make_engine(address), 0)
        _engines[key] = engine, users + 1
    return engine


def _release_engine(address: DatabaseAddress) -> None:
    key = os.getpid(), address.url, address.tenant
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
        hide_parameters=True,  # vectors must not appear in messages
    )
    event.listen(engine, "connect", partial(_prepare_connection, address.schema))
    return engine


def _prepare_connection(
    schema: str, connection: psycopg.Connection[object], _record: object
) -> None:
    for statement in _SESSION:
        connection.execute(statement)
    if schema:  # the tenant's tables, and besides them only the types of pgvector
        path = f"concat(quote_ident(%s), ',', quote_ident(({EXTENSION_SCHEMA})))"
        connection.execute(f"SELECT set_config('search_path', {path}, false)", (schema,))
    with suppress(psycopg.ProgrammingError):  # before `onlyme store upgrade` there is no such type
        register_vector(connection)
    connection.commit()
