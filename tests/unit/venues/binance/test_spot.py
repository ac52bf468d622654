"""What the adapter of spot adds to the codec: exits that fit, positions out of balances, pages, the subscription."""

from decimal import Decimal

import orjson
import pytest

from triplane.errors import BadInput
from triplane.exchange.faults import parse
from triplane.venues.base import OrderStatus, OrderType
from triplane.venues.binance import spot_codec as codec
from triplane.venues.binance.spot import SUBSCRIBE
from triplane.venues.errors import Refused, Unknown, VenueError, Why
from triplane.venues.stream import Rotate

D = Decimal
BTC = ["BTCUSDT"]


def paths(spot_box):
    return [f"{r.method} {r.path.removeprefix('/api/v3/')}" for r in spot_box.asked]


async def test_an_exit_of_the_right_size_is_one_request(spot_box, venue):
    await venue.send()
    spot_box.asked.clear()
    assert (await venue.send("x", side=-1, quantity="0.0999", reduce_only=True)).filled == D("0.0999")
    assert paths(spot_box) == ["POST order"]


async def test_an_exit_that_is_too_large_sells_what_is_free(spot_box, venue):
    await venue.send()
    spot_box.asked.clear()
    report = await venue.send("x", side=-1, reduce_only=True)
    assert (report.quantity, report.filled, report.client_id) == (D("0.0999"), D("0.0999"), "x")
    assert paths(spot_box) == ["POST order", "GET account", "POST order"]
    assert (await venue.fills("BTCUSDT", since=0))[-1].quantity == D("0.0999")
    with pytest.raises(Refused) as refused:
        await venue.send("y", side=-1, reduce_only=True)
    assert refused.value.why is Why.REDUCE_ONLY


async def test_a_stop_of_the_size_of_the_entry_rests_for_what_is_owned(venue):
    await venue.send()
    report = await venue.send("s", OrderType.STOP_MARKET, -1, trigger=D(59_000), reduce_only=True)
    assert (report.quantity, report.status) == (D("0.0999"), OrderStatus.OPEN)
    with pytest.raises(Refused) as refused:  # it holds all there is
        await venue.send("x", side=-1, reduce_only=True)
    assert refused.value.why is Why.FUNDS
    await venue.cancel("BTCUSDT", "s", conditional=True)
    assert (await venue.send("x", side=-1, reduce_only=True)).filled == D("0.0999")


async def test_a_sell_that_is_no_exit_is_never_changed(spot_box, venue):
    await venue.send()
    with pytest.raises(Refused) as refused:
        await venue.send("x", side=-1)
    assert refused.value.why is Why.FUNDS
    assert spot_box.spot.accounts["k"].holding("BTC").free == D("0.0999")


async def test_what_is_off_the_grid_is_not_sent(spot_box, venue):
    for more in ({"quantity": "0.000001"}, {"kind": OrderType.LIMIT, "price": D("50000.01")}):
        with pytest.raises(Refused) as refused:
            await venue.send(**more)
        assert refused.value.why is Why.FILTER
    assert spot_box.asked == []


async def test_an_unknown_fate_is_not_asked_for_twice(spot_box, venue):
    spot_box.x.add_faults(parse([{"when": "POST /api/v3/order", "what": "-1007"}]))
    with pytest.raises(Unknown):
        await venue.send(reduce_only=True)
    assert paths(spot_box) == ["POST order"]
    assert (await venue.order("BTCUSDT", "a", conditional=False)).status is OrderStatus.FILLED


async def test_a_snapshot(spot_box, venue):
    assert (await venue.snapshot(BTC)).positions == ()
    await venue.send("a", quantity="0.06")
    spot_box.price(61_000)
    await venue.send("b", quantity="0.04")
    await venue.send("s", OrderType.STOP_MARKET, -1, "0.05", trigger=D(59_000), reduce_only=True)
    await venue.send("l", OrderType.LIMIT, quantity="0.01", price=D(50_000))
    seen = await venue.snapshot(BTC)
    (position,) = seen.positions
    assert position.quantity == D("0.0999")
    assert D(60_000) < position.entry_price < D(60_500)
    assert position.unrealized == position.quantity * (position.mark_price - position.entry_price)
    assert {o.client_id for o in seen.orders} == {"s", "l"}
    cash = spot_box.spot.accounts["k"].holding("USDT")
    assert (seen.balance.wallet, seen.balance.available) == (cash.free + cash.locked, cash.free)
    assert cash.locked == 500


async def test_dust_is_no_position_and_what_was_deposited_has_no_price(spot_box, venue):
    spot_box.spot.deposit("k", "BTC", D("0.00008"))
    assert (await venue.snapshot(BTC)).positions == ()
    spot_box.spot.deposit("k", "BTC", D("0.5"))
    (position,) = (await venue.snapshot(BTC)).positions
    assert (position.quantity, position.entry_price, position.unrealized) == (D("0.50008"), 0, 0)


async def test_what_stands_in_the_way(spot_box, venue):
    assert await venue.prepare(BTC, 1) == []
    assert "leverage" in (await venue.prepare(BTC, 3))[0]
    await venue.send()
    await venue.send("l", OrderType.LIMIT, quantity="0.01", price=D(50_000))
    found = await venue.prepare(BTC, 1)
    assert [word in text for word, text in zip(("0.0999 BTC", "order l"), found, strict=True)] == [True, True]
    assert await venue.prepare(BTC, 1, resume=True) == []


async def test_instruments(venue):
    (rules,) = await venue.instruments(BTC)
    assert (rules.market, rules.can_short, rules.lot_size, rules.min_notional) == ("spot", False, D("0.00001"), 5)
    with pytest.raises(BadInput, match="BTCUSDT"):
        await venue.instruments(["BTCUSD"])


async def test_own_executions_of_many_pages(spot_box, venue, monkeypatch):
    monkeypatch.setattr(codec, "PAGE", 3)
    spot_box.x.add_faults(parse([{"when": "POST /api/v3/order", "what": "partial", "parts": [0.1] * 6}]))
    report = await venue.send("many")
    for price in range(60_001, 60_008):
        spot_box.price(price)
    await venue.send("one", quantity="0.001")
    every = await venue.fills("BTCUSDT", since=0)
    assert [len({f.trade_id for f in every}), len(every)] == [8, 8]
    assert [int(f.trade_id) for f in every] == sorted(int(f.trade_id) for f in every)
    mine = await venue.fills("BTCUSDT", since=0, venue_order_id=report.venue_id)
    assert (len(mine), sum(f.quantity for f in mine)) == (7, D("0.1"))
    assert await venue.fills("BTCUSDT", since=every[-1].time + 1) == []
    assert await venue.funding("BTCUSDT", since=0) == []


class Socket:
    """Answers what it is told to."""

    def __init__(self, *answers):
        self.answers, self.sent = list(answers), []

    async def send(self, text):
        self.sent.append(orjson.loads(text))

    async def recv(self):
        answer = {"id": self.sent[-1]["id"], **self.answers.pop(0)}
        return orjson.dumps(answer)


async def test_the_subscription(protocol):
    other = {"id": None, "subscriptionId": 0, "event": {}}
    socket = Socket(other, {"status": 200, "result": {"subscriptionId": 0}})
    await protocol.log_in(socket)
    (request,) = socket.sent
    assert request["method"] == SUBSCRIBE
    assert set(request["params"]) == {"apiKey", "timestamp", "recvWindow", "signature"}


@pytest.mark.parametrize(("code", "synced"), [(-1021, 1), (-2015, 0)])
async def test_a_refused_subscription(protocol, code, synced):
    with pytest.raises(VenueError) as refused:
        await protocol.log_in(Socket({"status": 400, "error": {"code": code, "msg": "no"}}))
    assert (refused.value.code, protocol.resynced) == (str(code), synced)


def test_the_end_of_a_subscription_ends_the_connection(protocol):
    assert protocol.read({"id": 1, "status": 200, "result": {}}) == []
    for name in ("eventStreamTerminated", "serverShutdown"):
        with pytest.raises(Rotate, match=name):
            protocol.read({"subscriptionId": 0, "event": {"e": name, "E": 1}})
