"""ccxt, REST and Pro, trades on the box with nothing changed but its addresses."""

import asyncio
from itertools import pairwise

import ccxt
import ccxt.pro
import pytest

BTC = "BTC/USDT:USDT"


def point_at(client, box):
    """The overrides: addresses alone."""
    client.options["fetchCurrencies"] = False
    for name in client.urls["api"]:
        if name.startswith("fapi"):
            version = name[-1] if name[-1] in "23" else "1"
            client.urls["api"][name] = f"{box.rest}/fapi/v{version}"
    if "ws" in client.urls["api"]:
        client.urls["api"]["ws"]["linear"] = f"{box.ws}/ws"
    return client


@pytest.fixture
def client(box):
    return point_at(ccxt.binanceusdm({"apiKey": "box-key", "secret": "box-secret"}), box)


def flat(client, box):
    client.cancel_all_orders(BTC)
    client.cancel_all_orders(BTC, {"trigger": True})
    for position in client.fetch_positions([BTC]):
        side = "sell" if position["side"] == "long" else "buy"
        client.create_order(BTC, "market", side, position["contracts"], params={"reduceOnly": True})
    assert box.account()["positions"] == []


def test_market_data(client):
    markets = client.load_markets()
    assert markets[BTC]["precision"]["price"] == 0.1
    assert markets[BTC]["limits"]["cost"]["min"] == 100.0
    candles = client.fetch_ohlcv(BTC, "1m", limit=100)
    assert len(candles) == 100
    assert all(b[0] - a[0] == 60_000 for a, b in pairwise(candles))
    hours = client.fetch_ohlcv(BTC, "1h", since=candles[0][0] - 10 * 3_600_000, limit=5)
    assert len(hours) == 5
    assert hours[0][0] >= candles[0][0] - 10 * 3_600_000
    book = client.fetch_order_book(BTC, 5)
    last = client.fetch_ticker(BTC)["last"]
    assert book["bids"][0][0] < book["asks"][0][0]
    assert abs(last / book["bids"][0][0] - 1) < 0.01
    assert client.fetch_funding_rate(BTC)["fundingRate"] == 0.0001
    past = client.fetch_funding_rate_history(BTC, client.milliseconds() - 48 * 3_600_000, 100)
    assert {(row["fundingRate"], row["timestamp"] % 28_800_000) for row in past} == {(0.0001, 0)}
    assert client.fetch_trades(BTC, limit=5)
    assert client.fetch_leverage_tiers([BTC])[BTC][0]["maxLeverage"] == 125


def test_a_position_and_every_kind_of_order(client, box):
    client.load_markets()
    client.set_leverage(10, BTC)
    before = float(box.account()["balance"])
    bought = client.create_order(BTC, "market", "buy", 0.02)
    assert client.fetch_order(bought["id"], BTC)["status"] == "closed"
    position = client.fetch_positions([BTC])[0]
    assert (position["side"], position["contracts"]) == ("long", 0.02)
    last = client.fetch_ticker(BTC)["last"]
    for kind, side, price, extra in (
        ("limit", "buy", 0.9, {}),
        ("limit", "buy", 0.9, {"postOnly": True}),
        ("STOP_MARKET", "sell", None, {"stopPrice": round(last * 0.9, 1), "reduceOnly": True}),
        ("TAKE_PROFIT_MARKET", "sell", None, {"stopPrice": round(last * 1.1, 1), "reduceOnly": True}),
        ("STOP", "sell", 0.89, {"stopPrice": round(last * 0.9, 1), "reduceOnly": True}),
        ("TAKE_PROFIT", "sell", 1.1, {"stopPrice": round(last * 1.1, 1), "reduceOnly": True}),
        ("TRAILING_STOP_MARKET", "sell", None, {"callbackRate": 5, "reduceOnly": True}),
    ):
        order = client.create_order(BTC, kind, side, 0.01, price and round(last * price, 1), extra)
        trigger = {"trigger": True} if kind != "limit" else {}
        assert order["id"] in [o["id"] for o in client.fetch_open_orders(BTC, params=trigger)], kind
        assert client.cancel_order(order["id"], BTC, trigger)["id"] == order["id"]
        assert client.fetch_open_orders(BTC, params=trigger) == []
    flat(client, box)
    trades = client.fetch_my_trades(BTC)[-2:]
    assert [t["side"] for t in trades] == ["buy", "sell"]
    moved = sum((t["cost"] if t["side"] == "sell" else -t["cost"]) - t["fee"]["cost"] for t in trades)
    assert float(box.account()["balance"]) == pytest.approx(before + moved, abs=1e-6)
    assert client.fetch_balance()["USDT"]["total"] == pytest.approx(before + moved, abs=1e-6)


def test_amending_and_errors(client, box):
    client.load_markets()
    last = client.fetch_ticker(BTC)["last"]
    order = client.create_order(BTC, "limit", "buy", 0.01, round(last * 0.8, 1))
    changed = client.edit_order(order["id"], BTC, "limit", "buy", 0.02, round(last * 0.7, 1))
    assert (changed["amount"], changed["price"]) == (0.02, round(last * 0.7, 1))
    client.cancel_order(order["id"], BTC)
    with pytest.raises(ccxt.ExchangeError, match="-2011"):
        client.cancel_order(order["id"], BTC)
    with pytest.raises(ccxt.ExchangeError, match="-2019"):
        client.create_order(BTC, "market", "buy", 100)
    with pytest.raises(ccxt.ExchangeError, match="-1022"):
        point_at(ccxt.binanceusdm({"apiKey": "box-key", "secret": "wrong"}), box).fetch_balance()


def test_a_stop_is_triggered(client, box):
    client.load_markets()
    client.create_order(BTC, "market", "buy", 0.01)
    last = client.fetch_ticker(BTC)["last"]
    client.create_order(
        BTC, "STOP_MARKET", "sell", None, None, {"stopPrice": round(last * 0.95, 1), "closePosition": True}
    )
    box.price(round(last * 0.94, 1))
    account = box.account()
    assert account["positions"] == []
    assert account["algoOrders"][-1]["algoStatus"] == "FINISHED"
    assert account["algoOrders"][-1]["actualOrderId"] == str(account["orders"][-1]["orderId"])


async def test_pro_streams(box):
    client = point_at(ccxt.pro.binanceusdm({"apiKey": "box-key", "secret": "box-secret"}), box)
    try:
        async with asyncio.timeout(30):
            await client.load_markets()
            candles = await client.watch_ohlcv(BTC, "1m")
            assert candles[-1][0] % 60_000 == 0
            assert (await client.watch_ticker(BTC))["last"] > 0
            assert (await client.watch_trades(BTC))[0]["price"] > 0
            book = await client.watch_order_book(BTC)
            assert book["bids"][0][0] < book["asks"][0][0]
            again = await client.watch_order_book(BTC)
            assert again["nonce"] >= book["nonce"]
            watching = asyncio.ensure_future(client.watch_orders(BTC))
            positions = asyncio.ensure_future(client.watch_positions([BTC]))
            balance = asyncio.ensure_future(client.watch_balance())
            await asyncio.to_thread(box.until_it_listens)
            order = await client.create_order(BTC, "market", "buy", 0.01)
            assert (await watching)[0]["id"] == order["id"]
            assert (await positions)[0]["contracts"] == 0.01
            assert (await balance)["USDT"]["total"] > 0
            await client.create_order(BTC, "market", "sell", 0.01, params={"reduceOnly": True})
    finally:
        await client.close()
