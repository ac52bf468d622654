"""The futures' formats against the box: requests that it takes, answers and events that become reports."""

from decimal import Decimal

import pytest

from triplane.errors import DataError
from triplane.venues.base import Cause, Execution, NewOrder, OrderReport, OrderStatus, OrderType
from triplane.venues.binance import codec
from triplane.venues.errors import NotFound, Refused, Why

D = Decimal


def test_a_market_order(box):
    report = box.place("m1")
    assert (report.client_id, report.status, report.side, report.quantity) == ("m1", OrderStatus.OPEN, 1, D("0.01"))
    events = box.events()
    trade = next(e for e in events if isinstance(e, Execution))
    assert (trade.client_id, trade.venue_order_id, trade.fee_asset, trade.maker) == (
        "m1",
        report.venue_id,
        "USDT",
        False,
    )
    assert trade.fee == D("0.0005") * trade.price * trade.quantity
    assert [e.status for e in events if isinstance(e, OrderReport)] == [OrderStatus.OPEN, OrderStatus.FILLED]
    found = codec.order_report(box.ask(codec.lookup("BTCUSDT", "m1", conditional=False)))
    assert (found.status, found.filled, found.average) == (OrderStatus.FILLED, D("0.01"), trade.price)
    (row,) = box.ask(codec.fills_of("BTCUSDT", report.venue_id))
    assert codec.fill(row) == Execution(
        **{name: getattr(trade, name) for name in Execution.__slots__} | {"client_id": ""}
    )


def test_a_limit_order_is_listed_and_cancelled(box):
    placed = box.place("l1", OrderType.LIMIT, price=D("50000.0"))
    (row,) = box.ask(codec.open_orders("BTCUSDT", conditional=False))
    assert (codec.order_report(row).price, codec.order_report(row).venue_id) == (D(50000), placed.venue_id)
    box.ask(codec.cancel("BTCUSDT", "l1", conditional=False))
    assert box.events()[-1].status is OrderStatus.CANCELLED
    with pytest.raises(NotFound):
        box.ask(codec.cancel("BTCUSDT", "l1", conditional=False))


def test_a_conditional_order_and_its_child_have_one_client_id(box):
    box.place("entry")
    stop = box.place("stop", OrderType.STOP_MARKET, -1, trigger=D("50000.0"), reduce_only=True)
    assert (stop.venue_id, stop.child_id, stop.status) == (str(int(stop.venue_id)), "", OrderStatus.OPEN)
    box.events()
    box.price("49999")
    events = [e for e in box.events() if isinstance(e, Execution | OrderReport)]
    assert {e.client_id for e in events} == {"stop"}
    (trade,) = [e for e in events if isinstance(e, Execution)]
    reports = [e for e in events if isinstance(e, OrderReport)]
    assert {r.child_id for r in reports} == {"", trade.venue_order_id}
    assert {r.venue_id for r in reports} == {"", stop.venue_id}
    assert (reports[-1].status, reports[-1].venue_id) == (OrderStatus.FILLED, stop.venue_id)
    assert all(r.type is OrderType.STOP_MARKET for r in reports)
    parent = codec.algo_report(box.ask(codec.lookup("BTCUSDT", "stop", conditional=True)))
    child = codec.order_report(box.ask(codec.lookup_child("BTCUSDT", parent.child_id)))
    both = parent.with_child(child)
    assert (both.status, both.filled, both.average) == (OrderStatus.FILLED, D("0.01"), trade.price)
    assert (both.venue_id, both.child_id) == (stop.venue_id, trade.venue_order_id)


@pytest.mark.parametrize(
    ("why", "order"),
    [
        (Why.WOULD_TRIGGER, {"kind": OrderType.STOP_MARKET, "side": -1, "trigger": D(90000)}),
        (Why.REDUCE_ONLY, {"side": -1, "reduce_only": True}),
        (Why.FUNDS, {"quantity": "100"}),
        (Why.FILTER, {"quantity": "0.00001"}),
        (Why.PRICE_BAND, {"kind": OrderType.LIMIT, "price": D(900000)}),
        (Why.POST_ONLY, {"kind": OrderType.LIMIT, "price": D(62000), "time_in_force": "GTX"}),
    ],
)
def test_why_an_order_is_refused(box, why, order):
    with pytest.raises(Refused) as error:
        box.place("x", **order)
    assert error.value.why is why


def test_an_open_order_holds_its_client_id(box):
    box.place("same", OrderType.LIMIT, price=D(50000))
    with pytest.raises(Refused) as error:
        box.place("same", OrderType.LIMIT, price=D(50000))
    assert error.value.why is Why.DUPLICATE


def test_a_snapshot(box):
    box.place("entry")
    box.place("rests", OrderType.LIMIT, price=D(50000))
    box.place("stop", OrderType.STOP_MARKET, -1, trigger=D(50000), reduce_only=True)
    seen = codec.snapshot(
        7,
        ["BTCUSDT"],
        box.ask(codec.open_orders("BTCUSDT", conditional=True)),
        box.ask(codec.open_orders("BTCUSDT", conditional=False)),
        box.ask(codec.positions()),
        box.ask(codec.balances()),
    )
    (position,) = seen.positions
    assert (seen.time, position.quantity) == (7, D("0.01"))
    assert [o.client_id for o in seen.orders] == ["stop", "rests"]
    assert seen.balance.wallet < D(10000) < seen.balance.wallet + 10
    assert 0.99 < position.margin_ratio < 1


@pytest.mark.parametrize("weeks", [0, 1, 3])
def test_pages_of_fills_by_week_and_by_id(weeks):
    week, since, now = codec.WEEK_MS, 1_000_000_000_000, 1_000_000_000_000 + weeks * codec.WEEK_MS
    history = [{"id": n, "time": since + n * week // 1200} for n in range(3500)]
    pages, asked = codec.fills("BTCUSDT", since, now), []
    while (request := pages.request()) is not None:
        p = {name: int(value) for name, value in request.params.items() if name != "symbol"}
        asked.append(p)
        assert not ("fromId" in p and "startTime" in p)
        end = p.get("endTime", p.get("startTime", 0) + week)
        assert end - p.get("startTime", end) <= week
        rows = [r for r in history if r["id"] >= p.get("fromId", 0)]
        if "startTime" in p:
            rows = [r for r in rows if p["startTime"] <= r["time"] <= end]
        pages.take(rows[: p["limit"]])
    assert pages.rows == history
    assert any("fromId" in p for p in asked)


@pytest.mark.parametrize("now", [-5000, 100, 1000])
def test_pages_without_ids_go_on_by_time(now):
    since, now = 1_000_000_000_000, 1_000_000_000_000 + now
    history = [{"tranId": n, "time": since + n // 4} for n in range(2500)]
    pages = codec.funding("BTCUSDT", since, now)
    while (request := pages.request()) is not None:
        pages.take([r for r in history if r["time"] >= int(request.params["startTime"])][:1000])
    assert pages.rows == history


def test_funding_is_of_its_hour():
    row = {"symbol": "BTCUSDT", "income": "-0.5", "time": 1_602_806_400_002, "incomeType": "FUNDING_FEE"}
    account = {
        "m": "FUNDING_FEE",
        "B": [{"a": "USDT", "wb": "99.5", "cw": "90", "bc": "-0.5"}],
        "P": [{"s": "BTCUSDT", "pa": "1"}],
    }
    paid, change = codec.events({"e": "ACCOUNT_UPDATE", "E": 1, "T": 1_602_806_404_777, "a": account})
    assert paid == codec.funding_payment(row)
    assert (paid.time, paid.amount, change.wallet, change.reason) == (
        1_602_806_400_000,
        D("-0.5"),
        D("99.5"),
        "FUNDING_FEE",
    )
    account["P"] = []
    assert codec.events({"e": "ACCOUNT_UPDATE", "E": 1, "T": 1, "a": account})[0].reason == "FUNDING_FEE"


@pytest.mark.parametrize(
    ("client_id", "cause"),
    [
        ("autoclose-1", Cause.LIQUIDATION),
        ("adl_autoclose_1", Cause.ADL),
        ("adl_autoclose", Cause.ADL),
        ("settlement_autoclose-1", Cause.SETTLEMENT),
        ("delivery_autoclose-1", Cause.SETTLEMENT),
        ("t-1", Cause.NONE),
    ],
)
def test_who_wanted_it(client_id, cause):
    assert codec.cause_of(client_id) is cause


def test_a_liquidation_is_a_fill(box):
    box.ask(codec.HttpRequest("POST", "/fapi/v1/marginType", {"symbol": "BTCUSDT", "marginType": "ISOLATED"}))
    box.place("entry")
    box.events()
    box.price("10000")
    trade = next(e for e in box.events() if isinstance(e, Execution))
    assert (trade.cause, trade.side, trade.quantity) == (Cause.LIQUIDATION, -1, D("0.01"))


def test_messages_that_are_not_told():
    for name in ("TRADE_LITE", "CONDITIONAL_ORDER_TRIGGER_REJECT", "ACCOUNT_CONFIG_UPDATE", "listenKeyExpired", "news"):
        assert codec.events({"e": name, "E": 1, "T": 1}) == []
    assert codec.events({"result": None, "id": 1}) == []


@pytest.mark.parametrize(
    "message",
    [
        {"e": "ORDER_TRADE_UPDATE"},
        {"e": "ALGO_UPDATE", "o": {}},
        {"e": "ACCOUNT_UPDATE", "T": 1, "a": {"m": "ORDER", "B": [{"a": "USDT", "wb": "much"}]}},
        {"e": "MARGIN_CALL", "E": 1, "p": None},
    ],
)
def test_a_message_that_cannot_be_read_is_an_error(message):
    with pytest.raises(DataError):
        codec.events(message)


def test_signature_of_the_documentation():
    # the example of the venue's own documentation of signed requests
    secret = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
    params = {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "9000", "timeInForce": "GTC",
    }  # fmt: skip
    query = codec.sign(params, secret, 1_591_702_613_943)
    assert query.endswith("signature=3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9")


def test_a_child_is_not_mistaken_for_its_parent():
    order = NewOrder("t:a/b.c_d-1", "BTCUSDT", 1, OrderType.MARKET, D("0.01"))
    assert codec.place(order).params["newClientOrderId"] == "t:a/b.c_d-1"


def algo(state, **more):
    body = {
        "caid": "stop", "aid": 7, "o": "STOP_MARKET", "s": "BTCUSDT", "S": "SELL", "q": "0.010", "X": state, "ai": "",
        "tp": "50000.0", "p": "0", "R": True, "rm": "Reduce Only reject", **more,
    }  # fmt: skip
    (report,) = codec.events({"e": "ALGO_UPDATE", "E": 2, "T": 1, "o": body})
    return report


@pytest.mark.parametrize(
    ("state", "more", "status", "filled", "reason"),
    [
        ("NEW", {}, OrderStatus.OPEN, 0, ""),
        ("TRIGGERING", {}, OrderStatus.OPEN, 0, ""),
        ("TRIGGERED", {"ai": "88", "aq": "0.00000"}, OrderStatus.OPEN, 0, ""),
        ("TRIGGERED", {"ai": "", "aq": "0.00000"}, OrderStatus.OPEN, 0, ""),
        ("FINISHED", {"ai": "88", "aq": "0.010", "ap": "49000"}, OrderStatus.FILLED, D("0.01"), ""),
        ("FINISHED", {"ai": "88", "aq": "0.004", "rm": ""}, OrderStatus.EXPIRED, D("0.004"), ""),
        ("FINISHED", {"ai": "88", "rm": ""}, OrderStatus.EXPIRED, 0, ""),
        ("CANCELED", {"aq": "0.00000"}, OrderStatus.CANCELLED, 0, ""),
        ("EXPIRED", {}, OrderStatus.EXPIRED, 0, "Reduce Only reject"),
        ("REJECTED", {}, OrderStatus.REJECTED, 0, "Reduce Only reject"),
        ("SOMETHING_NEW", {}, OrderStatus.OPEN, 0, ""),
    ],
)
def test_every_state_of_a_conditional_order(state, more, status, filled, reason):
    report = algo(state, **more)
    assert (report.status, report.filled, report.reason) == (status, filled, reason)
    assert (report.client_id, report.venue_id, report.child_id) == ("stop", "7", more.get("ai", ""))
