"""Whatever is done, the books add up, and a fault never makes a second order."""

import hashlib
import hmac
from decimal import Decimal
from itertools import pairwise
from urllib.parse import urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triplane.data.clock import ManualClock
from triplane.exchange.faults import parse
from triplane.exchange.opening import open_exchange
from triplane.exchange.rest import handle

NOW = 1_760_000_040_000
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def open_desk():
    return open_exchange(clock=ManualClock(NOW, auto=False), symbols=["BTCUSDT"], accounts=["k:s:10000"], limits=False)


def ask(x, method, path, **params):
    query = urlencode({**params, "timestamp": x.wall()})
    signature = hmac.new(b"s", query.encode(), hashlib.sha256).hexdigest()
    return handle(x, method, f"/fapi/v1/{path}", f"{query}&signature={signature}", "", "k")


sides = st.sampled_from(["BUY", "SELL"])
sizes = st.one_of(st.integers(2, 50), st.integers(1000, 3000)).map(lambda lots: str(Decimal(lots) / 1000))
offsets = st.integers(-40, 40)
orders = st.tuples(st.just("order"), sides, sizes, st.booleans())
limits = st.tuples(st.just("limit"), sides, sizes, offsets)
stops = st.tuples(st.just("algo"), sides, sizes, offsets, st.sampled_from(["STOP_MARKET", "TAKE_PROFIT_MARKET"]))
moves = st.tuples(st.just("move"), st.integers(-150, 150))
times = st.tuples(st.just("time"), st.integers(1, 600))
cancels = st.tuples(st.just("cancel"))
steps = st.lists(st.one_of(orders, limits, stops, moves, moves, times, cancels), min_size=5, max_size=30)


def level(x, offset):
    """A price so many tenths of a percent from the last one."""
    return str(Decimal(round(x.markets["BTCUSDT"].last * (1 + offset / 1000))) / 10)


def carry_out(x, step, hedge):
    kind, *rest = step
    mode = {"symbol": "BTCUSDT"}
    if hedge and kind in ("order", "limit", "algo"):
        mode["positionSide"] = "LONG" if len(rest[1]) % 2 else "SHORT"
    if kind == "order":
        side, quantity, reduces = rest
        extra = {"reduceOnly": "true"} if reduces and not hedge else {}
        ask(x, "POST", "order", side=side, type="MARKET", quantity=quantity, **extra, **mode)
    elif kind == "limit":
        side, quantity, offset = rest
        ask(
            x,
            "POST",
            "order",
            side=side,
            type="LIMIT",
            timeInForce="GTC",
            quantity=quantity,
            price=level(x, offset),
            **mode,
        )
    elif kind == "algo":
        side, quantity, offset, name = rest
        ask(x, "POST", "algoOrder", algoType="CONDITIONAL", side=side, type=name, quantity=quantity,
            triggerPrice=level(x, offset), **mode)  # fmt: skip
    elif kind == "move":
        x.step(x.markets["BTCUSDT"], Decimal(level(x, rest[0])))
    elif kind == "time":
        x.advance(x.now + rest[0] * 60_000)
    else:
        ask(x, "DELETE", "allOpenOrders", symbol="BTCUSDT")


def check_books(x):
    account, market = x.accounts["k"], x.markets["BTCUSDT"]
    fills = account.fills
    funding = sum((i.amount for i in account.income if i.kind == "FUNDING_FEE"), Decimal(0))
    realized, fees = sum((f.realized for f in fills), Decimal(0)), sum((f.fee for f in fills), Decimal(0))
    assert account.wallet == account.start + realized - fees + funding
    assert account.wallet == account.start + sum((i.amount for i in account.income), Decimal(0))
    held = dict.fromkeys(("BOTH", "LONG", "SHORT"), 0)
    cash = Decimal(0)
    for f in fills:
        r = f.order.request
        held[r.position_side] += r.side * f.lots
        cash -= r.side * f.ticks * market.tick * f.lots * market.lot
    assert {s: n for s, n in held.items() if n} == {s: p.lots for (_, s), p in account.positions.items()}
    # profit realised so far and cost still open are what was paid and taken: nothing is made or lost in between
    assert cash + sum((p.sign * p.cost for p in account.positions.values()), Decimal(0)) == realized
    assert account.reserved == sum((o.reserved for o in account.open.values()), Decimal(0))
    for order in account.orders.values():
        assert order.filled == sum(f.lots for f in fills if f.order is order) <= order.request.lots


@QUICK
@given(steps, st.booleans(), st.booleans(), st.sampled_from([5, 20, 100]))
def test_the_books_add_up(script, hedge, isolated, leverage):
    x = open_desk()
    if hedge:
        ask(x, "POST", "positionSide/dual", dualSidePosition="true")
    if isolated:
        ask(x, "POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED")
    ask(x, "POST", "leverage", symbol="BTCUSDT", leverage=leverage)
    for step in script:
        carry_out(x, step, hedge)
        check_books(x)


STATES = {"NEW": ("TRIGGERING", "CANCELED", "EXPIRED"), "TRIGGERING": ("TRIGGERED", "EXPIRED", "REJECTED"),
          "TRIGGERED": ("FINISHED",), "FINISHED": (), "CANCELED": (), "EXPIRED": (), "REJECTED": ()}  # fmt: skip


@QUICK
@given(steps)
def test_a_conditional_order_only_moves_forward_and_has_one_child(script):
    x = open_desk()
    states: dict[int, list[str]] = {}
    deliver = x.emit

    def listen(account, event):
        if event["e"] == "ALGO_UPDATE":
            states.setdefault(event["o"]["aid"], []).append(event["o"]["X"])
        deliver(account, event)

    x.matching.emit = x.algos.emit = listen
    for step in script:
        carry_out(x, step, False)
    for path in states.values():
        assert path[0] == "NEW"
        assert all(b in STATES[a] for a, b in pairwise(path))
    account = x.accounts["k"]
    assert set(states) == set(account.algos)
    children = [a.child for a in account.algos.values() if a.child]
    assert len({o.id for o in children}) == len(children)
    for algo in account.algos.values():
        if algo.status == "FINISHED":
            assert not algo.child.open
        if algo.status == "TRIGGERED":
            assert algo.child.open


LOST = st.sampled_from(["timeout", "reset", "500", "503", "-1006", "-1007"])


@QUICK
@given(LOST, st.booleans(), st.sampled_from(["0.01", "0.05"]), st.booleans())
def test_an_accepted_order_with_a_lost_answer_is_there_exactly_once(what, accepted, quantity, limit):
    x = open_desk()
    x.add_faults(parse([{"when": "POST /fapi/v1/order", "what": what, "accepted": accepted}]))
    extra = {"type": "LIMIT", "timeInForce": "GTC", "price": level(x, -100)} if limit else {"type": "MARKET"}
    reply = ask(x, "POST", "order", symbol="BTCUSDT", side="BUY", quantity=quantity, newClientOrderId="intent", **extra)
    assert reply.lost or reply.status != 200
    assert len(x.accounts["k"].orders) == int(accepted)
    found = ask(x, "GET", "order", symbol="BTCUSDT", origClientOrderId="intent")
    assert found.status == (200 if accepted else 400)
    check_books(x)


@QUICK
@given(st.integers(-(10**9), 10**9), st.integers(0, 6), st.integers(1, 10**7), st.integers(0, 6))
def test_what_the_filters_let_through_is_on_the_grid(price, places, quantity, fine):
    x = open_desk()
    market = x.markets["BTCUSDT"]
    wanted, size = Decimal(price).scaleb(-places), Decimal(quantity).scaleb(-fine)
    reply = ask(x, "POST", "order", symbol="BTCUSDT", side="SELL", type="LIMIT", timeInForce="GTC",
                quantity=format(size, "f"), price=format(wanted, "f"))  # fmt: skip
    if reply.status == 200:
        assert wanted % market.tick == 0
        assert size % market.lot == 0
        assert wanted * size >= market.instrument.min_notional
        assert (Decimal(reply.body["price"]), Decimal(reply.body["origQty"])) == (wanted, size)
    else:
        allowed = (-4001, -4002, -1111, -4014, -4016, -4024, -4164, -4005, -2019, -2027, -1100, -4004)
        assert reply.body["code"] in allowed
