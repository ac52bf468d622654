"""Prometheus metrics of a router: requests by outcome, their duration, breaker and kill switch."""

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from triplane.execution.breaker import BreakerState

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class RouterMetrics:
    """Metrics of one router, in a registry of their own.

    Parameters
    ----------
    breaker, killed
        Return the current state.
    """

    def __init__(self, breaker: Callable[[], BreakerState], killed: Callable[[], bool]) -> None:
        self.registry = CollectorRegistry()
        self._ended = Counter(
            "triplane_router_requests", "Requests to the venue by outcome.", ["request", "outcome"],
            registry=self.registry,
        )  # fmt: skip
        self._took = Histogram(
            "triplane_router_request_seconds", "From the request to the venue's answer.", ["request"],
            buckets=BUCKETS, registry=self.registry,
        )  # fmt: skip
        state = Gauge("triplane_router_breaker_state", "0 closed, 1 half open, 2 open.", registry=self.registry)
        state.set_function(lambda: (BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN).index(breaker()))
        switch = Gauge("triplane_router_kill_switch", "1 while entries are refused by hand.", registry=self.registry)
        switch.set_function(killed)

    def note(self, request: str, outcome: str, seconds: float | None = None) -> None:
        """Count a request that has ended; without a time it was never sent."""
        self._ended.labels(request, str(outcome)).inc()
        if seconds is not None:
            self._took.labels(request).observe(seconds)

    def text(self) -> bytes:
        """The text format of Prometheus."""
        return generate_latest(self.registry)
