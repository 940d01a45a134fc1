"""Count requests, decisions and waiting jobs for Prometheus, with no data about any person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.types import Decision

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = CONTENT_TYPE_LATEST

_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "WEBSOCKET"}
_BUCKET_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)


class Metrics:
    """The counts of one service.

    Args:
        waiting: returns the number of jobs that wait.
        held: returns the bytes of request bodies in memory.
    """

    def __init__(self, waiting: Callable[[], float], held: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "onlyme_requests",
            "Requests answered, by route, method and status.",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "onlyme_request_seconds",
            "Time from the end of a request's header to the beginning of its answer.",
            ("route",),
            buckets=_BUCKET_SECONDS,
            registry=self._registry,
        )
        self._decisions = Counter(
            "onlyme_decisions", "Decisions, by reason.", ("reason",), registry=self._registry
        )
        for name, help_, read in (
            ("onlyme_jobs_waiting", "Requests that wait for a worker.", waiting),
            ("onlyme_held_bytes", "Bytes of bodies in memory.", held),
        ):
            Gauge(name, help_, registry=self._registry).set_function(read)

    def count_answer(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answer. Unknown methods count as one, so that made-up ones fill no memory."""
        method = method if method in _METHODS else "OTHER"
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_decision(self, decision: Decision) -> None:
        """Count a decision."""
        self._decisions.labels(str(decision.reason)).inc()

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
