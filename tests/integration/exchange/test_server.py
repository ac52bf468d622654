"""The port: what a broken line looks like, control from outside, and the command."""

import asyncio
import hashlib
import hmac
import json
import subprocess
import sys
import time

import httpx
import pandas as pd
import pytest
import websockets
from typer.testing import CliRunner

from triplane.cli.main import make_app
from triplane.data.generator import generate


def signed(client, method, path, **params):
    query = "&".join(f"{k}={v}" for k, v in {**params, "timestamp": int(time.time() * 1000)}.items())
    signature = hmac.new(b"box-secret", query.encode(), hashlib.sha256).hexdigest()
    return client.request(method, f"{path}?{query}&signature={signature}", headers={"X-MBX-APIKEY": "box-key"})


@pytest.fixture
def client(box):
    with httpx.Client(base_url=box.rest, timeout=1.0) as client:
        yield client
    box.clear()


@pytest.mark.parametrize(("what", "error"), [("timeout", httpx.ReadTimeout), ("reset", httpx.TransportError)])
def test_a_lost_answer_leaves_exactly_one_order(box, client, what, error):
    box.post("/box/faults", [{"when": "POST /fapi/v1/order", "what": what}])
    order = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": 0.01,
        "price": 50000,
    }
    with pytest.raises(error):
        signed(client, "POST", "/fapi/v1/order", newClientOrderId=f"lost-{what}", **order)
    found = signed(client, "GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId=f"lost-{what}").json()
    assert found["status"] == "NEW"
    mine = [o for o in box.account()["orders"] if o["clientOrderId"] == f"lost-{what}"]
    assert len(mine) == 1


async def read_to_the_end(socket):
    while True:
        await asyncio.wait_for(socket.recv(), 20)


async def test_sockets_are_cut_with_and_without_a_word(box):
    for code in (1001, 1006):
        async with websockets.connect(f"{box.ws}/market/stream?streams=btcusdt@aggTrade") as socket:
            assert "data" in json.loads(await asyncio.wait_for(socket.recv(), 20))
            await asyncio.to_thread(box.post, "/box/faults", [{"when": "now", "what": "drop_sockets", "code": code}])
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await read_to_the_end(socket)
            assert (closed.value.rcvd.code if closed.value.rcvd else 1006) == code


async def test_pings_are_answered_while_a_socket_is_mute(box):
    box.post("/box/faults", [{"when": "now", "what": "mute", "seconds": 3600}])
    try:
        async with websockets.connect(f"{box.ws}/ws") as socket:
            await socket.send('{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":"x"}')
            assert json.loads(await socket.recv()) == {"result": None, "id": "x"}
            before = box.state()["clock"]["market"]
            box.post("/box/clock", {"step": 60_000})
            assert box.state()["clock"]["market"] >= before + 60_000
            await asyncio.wait_for(await socket.ping(), 20)
            await socket.send('{"method":"LIST_SUBSCRIPTIONS","id":2}')
            assert json.loads(await socket.recv()) == {"result": ["btcusdt@aggTrade"], "id": 2}
    finally:
        box.clear()


def test_an_address_that_does_not_exist(box):
    async def connect():
        async with websockets.connect(f"{box.ws}/elsewhere"):
            pass

    with pytest.raises(websockets.InvalidStatus):
        asyncio.run(connect())


def test_the_clock_and_the_price(box, client):
    box.post("/box/clock", {"pause": True})
    try:
        market = box.state()["clock"]["market"]
        assert box.post("/box/clock", {"step": 90_000})["market"] == market + 90_000
        assert box.state()["clock"]["market"] == market + 90_000
        assert box.price("61234.5") == {"symbol": "BTCUSDT", "price": "61234.5"}
        assert client.get("/fapi/v1/ticker/price", params={"symbol": "BTCUSDT"}).json()["price"] == "61234.5"
        box.post("/box/clock", {"skew": 90_000})
        assert signed(client, "GET", "/fapi/v2/balance").json()["code"] == -1021
        box.post("/box/clock", {"skew": 0})
        assert signed(client, "GET", "/fapi/v2/balance").status_code == 200
        for path, body in (("clock", {"speed": 0}), ("clock", {"fast": 1}), ("clock", {"step": "1"}), ("price", {}),
                           ("price", {"symbol": "BTCUSDT", "price": "-1"}), ("faults", [{}])):  # fmt: skip
            reply = client.post(f"/box/{path}", json=body)
            assert (reply.status_code, list(reply.json())) == (400, ["error"])
    finally:
        box.price(None)
        box.post("/box/clock", {"pause": False, "speed": 20})


def test_the_account_with_a_fourth_part_may_withdraw(box):
    assert box.account("other")["balance"] == "5000"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--source", "nowhere"], "nowhere"),
        (["--account", "a:hush"], "colons"),
        (["--faults", "none.json"], "none.json"),
    ],
)
def test_mistakes_are_told_in_a_sentence_without_the_secret(arguments, word):
    done = CliRunner().invoke(make_app(["exchange"]), ["exchange", *arguments])
    assert done.exit_code == 2
    assert word in done.stderr
    assert "hush" not in done.stderr


def test_a_wrong_speed_is_told_before_anything_is_opened(monkeypatch):
    opened = []
    for name in ("open_exchange", "listen"):
        monkeypatch.setattr(f"triplane.cli.exchange.{name}", lambda *_, **__: opened.append(1))
    done = CliRunner().invoke(make_app(["exchange"]), ["exchange", "--speed", "bad"])
    assert (done.exit_code, opened) == (2, [])
    assert "speed is bad; it must be" in done.stderr


@pytest.mark.parametrize(("option", "value"), [("port", "70000"), ("speed", "0")])
def test_what_is_wrong_with_a_number_is_told_in_a_sentence(option, value):
    command = [sys.executable, "-m", "triplane.cli.main", "exchange", f"--{option}", value]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert option in done.stderr
    assert value in done.stderr
    assert "Traceback" not in done.stderr


def test_a_recorded_market_keeps_its_times_and_its_grid(tmp_path, start):
    candles = generate(4, 1_700_000_100_000, 200, symbol="SOLUSDT")
    pd.DataFrame(candles).to_parquet(tmp_path / "SOLUSDT-1m.parquet")
    recorded = start("--source", str(tmp_path), "--speed", "max")
    try:
        with httpx.Client(base_url=recorded.rest) as client:
            while recorded.state()["clock"]["market"] < int(candles["open_time"][-1]):
                time.sleep(0.01)
            rows = client.get("/fapi/v1/klines", params={"symbol": "SOLUSDT", "interval": "1m"}).json()
            info = client.get("/fapi/v1/exchangeInfo").json()["symbols"][0]
    finally:
        assert recorded.stop() == 0
    assert [row[0] for row in rows] == candles["open_time"].tolist()
    assert [float(row[4]) for row in rows] == candles["close"].tolist()
    assert info["filters"][0]["tickSize"] == "0.01"
