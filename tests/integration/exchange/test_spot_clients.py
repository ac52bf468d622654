"""ccxt, REST and Pro, and python-binance trade spot on the box with nothing changed but its addresses."""

import asyncio
import time
from itertools import pairwise

import ccxt
import ccxt.pro
import pytest

BTC = "BTC/USDT"


def point_at(client, box):
    """The overrides: addresses alone."""
    client.options |= {"fetchCurrencies": False, "fetchMargins": False}
    client.options["fetchMarkets"] = {"types": ["spot"]}
    for name in ("public", "private"):
        client.urls["api"][name] = f"{box.rest}/api/v3"
    if "ws" in client.urls["api"]:
        client.urls["api"]["ws"]["spot"] = f"{box.ws}/spot/ws"
        client.urls["api"]["ws"]["ws-api"]["spot"] = f"{box.ws}/ws-api/v3"
    return client


@pytest.fixture
def client(box):
    made = point_at(ccxt.binance({"apiKey": "box-key", "secret": "box-secret"}), box)
    made.load_markets()
    yield made
    if made.fetch_open_orders(BTC):
        made.cancel_all_orders(BTC)
    owned = made.fetch_balance()["BTC"]["free"]
    if owned >= 0.001:
        made.create_order(BTC, "market", "sell", owned)


def test_market_data(client):
    market = client.markets[BTC]
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.1, 0.00001)
    assert market["limits"]["cost"]["min"] == 5.0
    assert market["spot"]
    candles = client.fetch_ohlcv(BTC, "1m", limit=100)
    assert len(candles) == 100
    assert all(b[0] - a[0] == 60_000 for a, b in pairwise(candles))
    book, last = client.fetch_order_book(BTC, 5), client.fetch_ticker(BTC)["last"]
    assert book["bids"][0][0] < book["asks"][0][0]
    assert abs(last / book["bids"][0][0] - 1) < 0.01
    assert client.fetch_trades(BTC, limit=5)
    assert client.fetch_bids_asks([BTC])[BTC]["bid"] > 0


def test_buying_and_every_kind_of_order(client, box):
    before = client.fetch_balance()["USDT"]["total"]
    bought = client.create_order(BTC, "market", "buy", 0.02)
    assert (bought["status"], bought["filled"], bought["fee"]) == ("closed", 0.02, {"currency": "BTC", "cost": 0.00002})
    balance = client.fetch_balance()
    assert balance["BTC"]["free"] == pytest.approx(0.01998)
    assert balance["USDT"]["total"] == pytest.approx(before - bought["cost"])
    last = client.fetch_ticker(BTC)["last"]
    for kind, side, price, extra in (
        ("limit", "buy", 0.9, {}),
        ("limit", "buy", 0.9, {"postOnly": True}),
        ("market", "sell", None, {"stopLossPrice": round(last * 0.9, 1)}),
        ("market", "sell", None, {"takeProfitPrice": round(last * 1.1, 1)}),
        ("limit", "sell", 0.89, {"stopLossPrice": round(last * 0.9, 1)}),
        ("limit", "sell", 1.09, {"takeProfitPrice": round(last * 1.1, 1)}),
    ):
        order = client.create_order(BTC, kind, side, 0.01, price and round(last * price, 1), extra)
        assert order["id"] in [o["id"] for o in client.fetch_open_orders(BTC)], extra
        locked = client.fetch_balance()["BTC"]["used"]
        assert locked == (0.01 if side == "sell" else 0.0)
        assert client.cancel_order(order["id"], BTC)["status"] == "canceled"
        assert client.fetch_order(order["id"], BTC)["status"] == "canceled"
    with pytest.raises(ccxt.ExchangeError, match="insufficient balance"):
        client.create_order(BTC, "market", "sell", 0.02)
    client.create_order(BTC, "market", "sell", 0.01998)
    trades = client.fetch_my_trades(BTC)[-2:]
    assert [t["side"] for t in trades] == ["buy", "sell"]
    assert [t["fee"]["currency"] for t in trades] == ["BTC", "USDT"]
    assert box.state()["spot"]["box-key"]["balances"]["BTC"]["locked"] == "0.00000000"


def test_amending_is_cancelling_and_replacing(client):
    last = client.fetch_ticker(BTC)["last"]
    order = client.create_order(BTC, "limit", "buy", 0.01, round(last * 0.8, 1))
    changed = client.edit_order(order["id"], BTC, "limit", "buy", 0.02, round(last * 0.7, 1))
    assert [(o["id"], o["amount"]) for o in client.fetch_open_orders(BTC)] == [(changed["id"], 0.02)]


def test_a_stop_is_triggered(client, box):
    client.create_order(BTC, "market", "buy", 0.01)
    last = client.fetch_ticker(BTC)["last"]
    stop = client.create_order(BTC, "market", "sell", 0.00999, params={"stopLossPrice": round(last * 0.95, 1)})
    box.price(round(last * 0.94, 1))
    try:
        done = client.fetch_order(stop["id"], BTC)
        assert (done["status"], done["filled"]) == ("closed", 0.00999)
    finally:
        box.price(None)


def test_coins_come_from_outside_and_go(client, box):
    def coins():
        return client.fetch_balance()["BTC"]["total"]

    before = coins()
    box.post("/box/deposit", {"account": "box-key", "asset": "BTC", "amount": "0.5"})
    assert coins() == pytest.approx(before + 0.5)
    left = box.post("/box/deposit", {"account": "box-key", "asset": "BTC", "amount": "-0.5"})
    assert float(left["BTC"]["free"]) == pytest.approx(before)
    good = {"account": "box-key", "asset": "BTC", "amount": "1"}
    for bad in ({"account": "x"}, {"asset": "X"}, {"amount": "-99"}, {"amount": 1.5}, {"more": "1"}):
        body = good | bad
        reply = box._http.post("/box/deposit", json=body)
        assert (reply.status_code, list(reply.json())) == (400, ["error"]), body


def until_spot_is_heard(box, seconds=20.0):
    end = time.monotonic() + seconds
    while not any(s["route"] == "ws-api" and s["streams"] for s in box.state()["sockets"]):
        assert time.monotonic() < end, "nobody listens"
        time.sleep(0.01)


async def test_pro_streams(box):
    client = point_at(ccxt.pro.binance({"apiKey": "box-key", "secret": "box-secret"}), box)
    try:
        async with asyncio.timeout(30):
            await client.load_markets()
            assert (await client.watch_ohlcv(BTC, "1m"))[-1][0] % 60_000 == 0
            assert (await client.watch_ticker(BTC))["last"] > 0
            assert (await client.watch_trades(BTC))[0]["price"] > 0
            book = await client.watch_order_book(BTC)
            assert book["bids"][0][0] < book["asks"][0][0]
            assert (await client.watch_order_book(BTC))["nonce"] >= book["nonce"]
            orders = asyncio.ensure_future(client.watch_orders(BTC))
            balance = asyncio.ensure_future(client.watch_balance())
            await asyncio.to_thread(until_spot_is_heard, box)
            made = await client.create_order(BTC, "market", "buy", 0.01)
            assert (await orders)[0]["id"] == made["id"]
            assert "BTC" in await balance
            await client.create_order(BTC, "market", "sell", 0.00999)
    finally:
        await client.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
async def test_python_binance(box):
    binance = pytest.importorskip("binance", reason="python-binance is not installed")

    class Client(binance.AsyncClient):
        API_URL = f"{box.rest}/api"
        WS_API_URL = f"{box.ws}/ws-api/v3"

    class Sockets(binance.BinanceSocketManager):
        STREAM_URL = f"{box.ws}/spot/"

    client = Client("box-key", "box-secret")
    sockets = Sockets(client)
    try:
        async with asyncio.timeout(40):
            assert (await client.get_symbol_info("BTCUSDT"))["baseAsset"] == "BTC"
            assert len(await client.get_klines(symbol="BTCUSDT", interval="1m", limit=10)) == 10
            async with sockets.kline_socket("BTCUSDT", interval="1m") as stream:
                assert (await stream.recv())["k"]["i"] == "1m"
            async with sockets.user_socket() as user:
                made = await client.order_market_buy(symbol="BTCUSDT", quantity="0.01")
                message = await user.recv()
                while message.get("x") != "TRADE":
                    message = await user.recv()
                assert (message["i"], message["N"]) == (made["orderId"], "BTC")
            owned = await client.get_asset_balance(asset="BTC")
            assert float(owned["free"]) >= 0.00999
            await client.order_market_sell(symbol="BTCUSDT", quantity="0.00999")
            assert (await client.get_my_trades(symbol="BTCUSDT"))[-1]["isBuyer"] is False
            assert await client.get_open_orders(symbol="BTCUSDT") == []
    finally:
        await client.close_connection()
