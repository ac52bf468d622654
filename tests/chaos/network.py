"""Requests as an adapter makes them: built and decoded by the venue's codec, signed, put to the exchange in a box."""

from typing import TYPE_CHECKING, Any

import orjson

from triplane.exchange.rest import handle
from triplane.execution import messages as m
from triplane.venues.binance import codec
from triplane.venues.binance.failures import failure
from triplane.venues.errors import Unknown

if TYPE_CHECKING:
    from simulation import Simulation

SYMBOL = "BTCUSDT"
KEY, SECRET = "box-key", "box-secret"


def ask(simulation: "Simulation", request: codec.HttpRequest, stamp: int) -> Any:
    """A signed request at the venue's door."""
    query = codec.sign(request.params, SECRET, stamp)
    return handle(simulation.x, request.method, request.path, query, "", KEY)


def serve(simulation: "Simulation", request: m.VenueRequest, stamp: int) -> tuple[Any, int]:
    """What the venue answers to a request, and how many ms it holds the answer back; None: it never comes."""
    if isinstance(request, m.TakeSnapshot):
        parts, delay = [], 0
        for part in (codec.open_orders(SYMBOL, conditional=True), codec.open_orders(SYMBOL, conditional=False),
                     codec.positions(), codec.balances()):  # fmt: skip
            body, held = read(simulation, part, stamp, changing=False)
            if body is None or isinstance(body, Exception):
                return body, held
            parts.append(body)
            delay += held
        return codec.snapshot(simulation.clock.now, [SYMBOL], *parts), delay
    if isinstance(request, m.PlaceOrder):
        order = request.order.value
        body, delay = read(simulation, codec.place(order), stamp, changing=True)
        return (codec.algo_report if order.type.conditional else codec.order_report)(body) if is_body(
            body
        ) else body, delay
    if isinstance(request, m.CancelOrder):
        what = codec.cancel(request.symbol, request.client_id, conditional=request.conditional)
        body, delay = read(simulation, what, stamp, changing=True)
        if is_body(body):
            simulation.cancelled(request)
        return (None if is_body(body) else body if body is not None else Unknown("time-out")), delay
    if isinstance(request, m.FetchFunding):
        return [], 0  # no schedule lasts until funding is due
    if isinstance(request, m.QueryOrder):
        return look_up(simulation, request, stamp)
    if request.venue_order_id:
        body, delay = read(simulation, codec.fills_of(SYMBOL, request.venue_order_id), stamp, changing=False)
        rows = [codec.fill(row) for row in body] if is_body(body) else []
        return ([fill for fill in rows if fill.time >= request.since] if is_body(body) else body), delay
    pages, delay = codec.fills(SYMBOL, request.since, simulation.clock.now), 0
    while (page := pages.request()) is not None:
        body, delay = read(simulation, page, stamp, changing=False)
        if not is_body(body):
            return body, delay
        pages.take(body)
    return [codec.fill(row) for row in pages.rows], delay


def look_up(simulation: "Simulation", request: m.QueryOrder, stamp: int) -> tuple[Any, int]:
    """As an adapter does: a conditional order, and the order that it has become."""
    what = codec.lookup(request.symbol, request.client_id, conditional=request.conditional)
    body, delay = read(simulation, what, stamp, changing=False)
    if not is_body(body):
        return body, delay
    if not request.conditional:
        return codec.order_report(body), delay
    report = codec.algo_report(body)
    if report.child_id:
        body, more = read(simulation, codec.lookup_child(request.symbol, report.child_id), stamp, changing=False)
        if not is_body(body):
            return body, delay + more
        report = report.with_child(codec.order_report(body))
    return report, delay


def is_body(value: Any) -> bool:
    return value is not None and not isinstance(value, Exception)


def read(simulation: "Simulation", request: codec.HttpRequest, stamp: int, *, changing: bool) -> tuple[Any, int]:
    """Body, or error, or None for an answer that never comes; and the delay in ms."""
    reply = ask(simulation, request, stamp)
    if reply.lost == "hang":
        return None, 0
    if reply.lost:
        return Unknown("reset"), 0
    body = orjson.loads(orjson.dumps(reply.body))
    error = failure(reply.status, body, reply.headers, changing=changing, now=simulation.clock.now)
    return (body if error is None else error), round(reply.delay * 1000)
