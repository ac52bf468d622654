"""ccxt's client of MEXC, REST and Pro, trades futures on the box with nothing changed but its addresses."""

import asyncio
from itertools import pairwise

import ccxt
import ccxt.pro
import pytest

BTC = "BTC/USDT:USDT"


def point_at(client, box):
    """The overrides: addresses. The list of spot markets, which it asks for too, is that of the box."""
    client.options["defaultType"] = "swap"
    client.has["fetchCurrencies"] = False
    client.urls["api"]["spot"] = {"public": box.rest, "private": box.rest}
    client.urls["api"]["contract"] = {
        "public": f"{box.rest}/api/v1/contract",
        "private": f"{box.rest}/api/v1/private",
    }
    if "ws" in client.urls["api"]:
        client.urls["api"]["ws"]["swap"] = f"{box.ws}/edge"
    return client


@pytest.fixture
def client(box):
    made = point_at(ccxt.mexc({"apiKey": "box-key", "secret": "box-secret"}), box)
    made.load_markets()
    return made


def mine(box):
    return box.state()["mexc"]["box-key"]


def test_market_data(client):
    market = client.markets[BTC]
    assert (market["id"], market["contractSize"], market["precision"]["price"]) == ("BTC_USDT", 0.001, 0.1)
    candles = client.fetch_ohlcv(BTC, "1m", limit=100)
    assert len(candles) == 100
    assert all(b[0] - a[0] == 60_000 for a, b in pairwise(candles))
    book, ticker = client.fetch_order_book(BTC, 5), client.fetch_ticker(BTC)
    assert book["bids"][0][0] < book["asks"][0][0]
    assert abs(ticker["last"] / book["bids"][0][0] - 1) < 0.01
    assert client.fetch_funding_rate(BTC)["fundingRate"] == 0.0001
    assert client.fetch_trades(BTC, limit=5)
    assert abs(client.fetch_time() - client.milliseconds()) < 60_000


@pytest.mark.parametrize("hedged", [True, False])
def test_orders_positions_and_money(client, box, hedged):
    client.set_position_mode(hedged)
    assert client.fetch_position_mode()["hedged"] is hedged
    client.set_leverage(10, BTC, {"openType": 2, "positionType": 1})
    assert client.fetch_leverage(BTC)["longLeverage"] == 10
    before = float(mine(box)["balance"])
    bought = client.create_order(BTC, "market", "buy", 20, params={"clientOrderId": f"in-{hedged}", "hedged": hedged})
    assert client.fetch_order(bought["id"], BTC)["status"] == "closed"
    assert [(p["side"], p["contracts"]) for p in client.fetch_positions()] == [("long", 20)]
    last = client.fetch_ticker(BTC)["last"]
    waiting = client.create_order(BTC, "limit", "buy", 10, round(last * 0.95, 1), {"hedged": hedged})
    assert [o["id"] for o in client.fetch_open_orders(BTC)] == [waiting["id"]]
    client.cancel_order(waiting["id"], BTC)
    assert client.fetch_open_orders(BTC) == []
    with pytest.raises(ccxt.InvalidOrder, match="cannot be cancelled"):
        client.cancel_order(waiting["id"], BTC)
    stop = client.create_order(
        BTC, "market", "sell", 20, params={"triggerPrice": round(last * 0.9, 1), "triggerType": 2, "side": 4}
    )
    assert [o["id"] for o in client.fetch_open_orders(BTC, params={"trigger": True})] == [stop["id"]]
    client.cancel_order(stop["id"], BTC, {"trigger": True})
    client.create_order(BTC, "market", "sell", 20, params={"side": 4, "hedged": hedged})
    assert client.fetch_positions() == []
    trades = client.fetch_my_trades(BTC)[-2:]
    moved = float(mine(box)["balance"]) - before
    assert moved == pytest.approx(
        sum(float(t["info"]["profit"]) - float(t["info"]["fee"]) for t in trades), abs=1e-6
    )  # fmt: skip
    assert client.fetch_balance()["USDT"]["free"] == pytest.approx(before + moved, abs=1e-6)


def test_errors(client, box):
    with pytest.raises(ccxt.InsufficientFunds, match="2005"):
        client.create_order(BTC, "market", "buy", 900_000)
    with pytest.raises(ccxt.InvalidOrder, match="2009"):
        client.create_order(BTC, "market", "sell", 10, params={"reduceOnly": True})
    with pytest.raises(ccxt.AuthenticationError, match="602"):
        point_at(ccxt.mexc({"apiKey": "box-key", "secret": "wrong"}), box).fetch_balance()
    box.post("/box/faults", [{"when": "GET /api/v1/private/*", "what": "429"}])
    with pytest.raises(ccxt.RateLimitExceeded, match="510"):
        client.fetch_balance()


async def test_pro_streams(box):
    client = point_at(ccxt.pro.mexc({"apiKey": "box-key", "secret": "box-secret"}), box)
    try:
        async with asyncio.timeout(30):
            await client.load_markets()
            candles = await client.watch_ohlcv(BTC, "1m")
            assert candles[-1][0] % 60_000 == 0
            assert (await client.watch_ticker(BTC))["last"] > 0
            assert (await client.watch_trades(BTC))[0]["price"] > 0
            book = await client.watch_order_book(BTC)
            assert book["bids"][0][0] < book["asks"][0][0]
            watching = asyncio.ensure_future(client.watch_orders(BTC))
            trades = asyncio.ensure_future(client.watch_my_trades(BTC))
            balance = asyncio.ensure_future(client.watch_balance())
            while not any("personal" in s["streams"] for s in (await asyncio.to_thread(box.state))["sockets"]):
                await asyncio.sleep(0.01)
            order = await client.create_order(BTC, "market", "buy", 10)
            assert (await watching)[0]["id"] == order["id"]
            assert (await trades)[0]["amount"] == 10
            assert (await balance)["USDT"]["free"] > 0
            await client.create_order(BTC, "market", "sell", 10, params={"side": 4})
    finally:
        await client.close()
