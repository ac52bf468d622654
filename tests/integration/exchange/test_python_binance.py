"""python-binance trades on the box; its addresses are class attributes of a subclass."""

import asyncio

import pytest

binance = pytest.importorskip("binance", reason="python-binance is not installed")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")


async def test_trading_and_streams(box):
    class Client(binance.AsyncClient):
        FUTURES_URL = f"{box.rest}/fapi"

    class Sockets(binance.BinanceSocketManager):
        FSTREAM_URL = f"{box.ws}/"

    client = Client("box-key", "box-secret")
    sockets = Sockets(client)
    try:
        async with asyncio.timeout(40):
            info = await client.futures_exchange_info()
            assert "BTCUSDT" in [s["symbol"] for s in info["symbols"]]
            assert len(await client.futures_klines(symbol="BTCUSDT", interval="1m", limit=10)) == 10
            assert (await client.futures_change_leverage(symbol="BTCUSDT", leverage=5))["leverage"] == 5
            await klines(sockets)
            async with sockets.futures_user_socket() as user:
                await orders(client, user, box)
    finally:
        await client.close_connection()


async def klines(sockets):
    async with sockets.kline_futures_socket("BTCUSDT", interval="1m") as stream:
        while True:
            message = await stream.recv()
            if message["e"] == "continuous_kline":
                assert message["k"]["i"] == "1m"
                return


async def event(user, kind, **wanted):
    """The next event of a kind with these fields; those before it are read over."""
    while True:
        message = await user.recv()
        body = message.get("o", message)
        if message["e"] == kind and all(body[name] == value for name, value in wanted.items()):
            return body


async def orders(client, user, box):
    bought = await client.futures_create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    filled = await event(user, "ORDER_TRADE_UPDATE", x="TRADE", i=bought["orderId"])
    assert filled["X"] == "FILLED"
    last = float((await client.futures_symbol_ticker(symbol="BTCUSDT"))["price"])
    limit = await client.futures_create_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price=f"{last * 0.9:.1f}"
    )
    assert "avgPrice" not in limit
    await client.futures_cancel_order(symbol="BTCUSDT", orderId=limit["orderId"])
    await event(user, "ORDER_TRADE_UPDATE", x="CANCELED", i=limit["orderId"])
    for kind, price in (("STOP_MARKET", 0.95), ("TAKE_PROFIT_MARKET", 1.05)):
        algo = await client.futures_create_order(
            symbol="BTCUSDT", side="SELL", type=kind, stopPrice=f"{last * price:.1f}", closePosition="true"
        )
        assert (await event(user, "ALGO_UPDATE", aid=algo["algoId"]))["X"] == "NEW"
    await asyncio.to_thread(box.price, round(last * 1.06, 1))
    await event(user, "ALGO_UPDATE", X="TRIGGERING", ai="")
    triggered = await event(user, "ALGO_UPDATE", X="TRIGGERED")
    await event(user, "ORDER_TRADE_UPDATE", x="TRADE", i=int(triggered["ai"]))
    finished = await event(user, "ALGO_UPDATE", X="FINISHED")
    assert finished["aq"] == "0.010"
    await client.futures_cancel_all_algo_open_orders(symbol="BTCUSDT")
    assert all(float(p["positionAmt"]) == 0 for p in await client.futures_position_information())
    assert (await client.futures_account_trades(symbol="BTCUSDT"))[-1]["side"] == "SELL"
    with pytest.raises(binance.exceptions.BinanceAPIException, match="-2022"):
        await client.futures_create_order(
            symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.01", reduceOnly="true"
        )
