"""Counters for Prometheus, added up over the worker processes."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from server.settings import metrics_folder

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

_requests = Counter("childrecord_requests", "Requests answered.", ["method", "route", "status"])
_seconds = Histogram(
    "childrecord_request_seconds", "Seconds from a request to its answer.", ["method"], buckets=_BUCKETS
)


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count one request."""
    known = method if method in _METHODS else "other"
    _requests.labels(known, route, status).inc()
    _seconds.labels(known).observe(seconds)


def exposition() -> bytes:
    """The counters of all workers, in Prometheus' text format."""
    folder = metrics_folder()
    if folder is None:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
