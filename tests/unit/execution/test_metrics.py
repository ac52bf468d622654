"""What Prometheus reads of a router."""

from triplane.execution.breaker import BreakerState
from triplane.execution.metrics import RouterMetrics


def test_requests_are_counted_by_outcome_and_timed_when_they_were_sent():
    metrics = RouterMetrics(lambda: BreakerState.CLOSED, lambda: False)
    metrics.note("place", "ok", 0.02)
    metrics.note("place", "unknown", 3.0)
    metrics.note("place", "breaker_open")
    text = metrics.text().decode()
    assert 'triplane_router_requests_total{outcome="breaker_open",request="place"} 1.0' in text
    assert 'triplane_router_request_seconds_count{request="place"} 2.0' in text
    assert 'triplane_router_request_seconds_bucket{le="0.025",request="place"} 1.0' in text


def test_states_are_read_when_they_are_asked_for():
    states, killed = iter(BreakerState), iter((False, True, False))
    metrics = RouterMetrics(lambda: next(states), lambda: next(killed))
    seen = []
    for _ in BreakerState:
        lines = dict(line.rsplit(" ", 1) for line in metrics.text().decode().splitlines() if line[0] != "#")
        seen.append((lines["triplane_router_breaker_state"], lines["triplane_router_kill_switch"]))
    numbers = {BreakerState.CLOSED: "0.0", BreakerState.HALF_OPEN: "1.0", BreakerState.OPEN: "2.0"}
    assert seen == [(numbers[state], switch) for state, switch in zip(BreakerState, ("0.0", "1.0", "0.0"), strict=True)]


def test_two_routers_do_not_share_their_counts():
    one, two = (RouterMetrics(lambda: BreakerState.CLOSED, lambda: False) for _ in range(2))
    one.note("cancel", "ok", 0.1)
    assert 'request="cancel"' not in two.text().decode()
