"""The router's service: what its clients meet over HTTP and on the stream."""

import asyncio
import json

import httpx
import pytest
import websockets
from fakes import SYMBOL, D, limit, market
from served import TOKEN, place, served
from structlog.processors import format_exc_info
from structlog.testing import capture_logs

from triplane.api import router as service
from triplane.api.router import Ceiling
from triplane.execution.remote import RemoteRouter
from triplane.venues.base import (
    Approved,
    Funding,
    StreamState,
    StreamStatus,
)
from triplane.venues.errors import Refused, Unknown, Why
from triplane.venues.keys import hide, redact, redact_event

LOST = Unknown("no answer came", "-1007")
SECRET = "Zx9-planted-secret-0123456789"


@pytest.fixture
async def http(address):
    async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


class TestService:
    """What a client of the service meets."""

    body = {  # noqa: RUF012 - a constant
        "symbol": SYMBOL, "side": "buy", "type": "LIMIT", "quantity": "0.010", "price": "49000.00",
        "clientOrderId": "my/1",
    }  # fmt: skip

    async def test_an_order_from_place_to_cancel(self, http, venue):
        first = await http.post("/api/v1/order", json=self.body)
        assert first.status_code == 200
        assert first.json() == {
            "clientOrderId": "my/1", "symbol": SYMBOL, "side": "BUY", "type": "limit", "status": "open",
            "quantity": "0.01", "filledQuantity": "0", "averagePrice": None, "price": "49000", "stopPrice": None,
            "reduceOnly": False, "orderId": "1", "childOrderId": "", "updateTime": venue.time, "reason": "",
        }  # fmt: skip
        venue.fill("my/1", D("0.004"))
        again = await http.post("/api/v1/order", json={**self.body, "quantity": "0.01", "type": "limit"})
        assert (again.status_code, again.json()) == (200, first.json())
        now = (await http.get("/api/v1/order/my/1")).json()
        assert (now["filledQuantity"], now["averagePrice"]) == ("0.004", "50000")
        gone = await http.delete("/api/v1/order/my/1")
        assert gone.json() == {"clientOrderId": "my/1", "symbol": SYMBOL, "cancelled": True}
        assert (await http.get("/api/v1/order/my/1")).json()["status"] == "cancelled"
        again = await http.delete("/api/v1/order/my/1")
        assert (again.status_code, again.json()["code"], again.json()["clientOrderId"]) == (404, "not_found", "my/1")

    @pytest.mark.parametrize(("kind", "means"), [
        ("MARKET", "market"), ("stop_market", "stop_market"), ("STOP_MARKET", "stop_market"),
        ("TAKE_PROFIT_MARKET", "take_profit_market"), ("STOP_LOSS", "stop_market"),
        ("TAKE_PROFIT", "take_profit_market"),
    ])  # fmt: skip
    async def test_kinds_of_order(self, http, venue, kind, means):
        body = {"symbol": SYMBOL, "side": "SELL", "type": kind, "quantity": "0.01", "clientOrderId": "a"}
        body |= {} if means == "market" else {"stopPrice": "48000", "reduceOnly": True}
        reply = await http.post("/api/v1/order", json=body)
        assert (reply.status_code, reply.json()["type"]) == (200, means)
        assert venue.sent[0].trigger == (None if means == "market" else 48_000)

    @pytest.mark.parametrize(("error", "status", "code"), [
        (Refused("x", "-1111", Why.FILTER), 400, "filter"),
        (Refused("x", "-2019", Why.FUNDS), 400, "funds"),
        (Refused("x", "-2021", Why.WOULD_TRIGGER), 400, "would_trigger"),
        (Refused("x", "-4116", Why.DUPLICATE), 409, "duplicate"),
        (Refused("x", "-1003", Why.RATE), 429, "rate"),
        (Refused("x", "418", Why.BANNED), 429, "banned"),
        (Refused("x", "-1008", Why.OVERLOAD), 503, "overload"),
        (Refused("x", "-2015", Why.KEYS), 503, "keys"),
        (Refused("x", "", Why.DOWN), 503, "down"),
        (LOST, 504, "unknown"),
        (KeyError("x"), 504, "unknown"),
    ])  # fmt: skip
    async def test_errors(self, http, venue, error, status, code):
        venue.will("place", error)
        reply = await http.post("/api/v1/order", json=self.body)
        said = reply.json()
        assert (reply.status_code, said["code"], said["clientOrderId"]) == (status, code, "my/1")
        assert said["message"]

    async def test_when_to_come_back(self, http, venue):
        venue.will("place", Refused("x", "418", Why.BANNED, venue.time + 90_500))
        reply = await http.post("/api/v1/order", json=self.body)
        assert (reply.headers["Retry-After"], reply.json()["retryAt"]) == ("91", venue.time + 90_500)

    @pytest.mark.parametrize(("change", "names"), [
        ({"quantity": 0.01}, "quantity"), ({"quantity": "1e3"}, "quantity"), ({"quantity": "-1"}, "quantity"),
        ({"quantity": "NaN"}, "quantity"), ({"price": 49000}, "price"), ({"side": "long"}, "side"),
        ({"type": "iceberg"}, "type"), ({"clientOrderId": "x" * 37}, "clientOrderId"),
        ({"clientOrderId": "ä"}, "clientOrderId"), ({"timeInForce": "GTD"}, "timeInForce"),
        ({"symbol": "btc/usdt"}, "symbol"), ({"colour": "red"}, "colour"), ({"reduceOnly": "maybe"}, "reduceOnly"),
    ])  # fmt: skip
    async def test_what_is_malformed(self, http, venue, change, names):
        reply = await http.post("/api/v1/order", json={**self.body, **change})
        assert reply.status_code == 422
        assert (reply.json()["code"], reply.json()["message"].split()[0]) == ("invalid", names)
        assert reply.json()["clientOrderId"] == {**self.body, **change}["clientOrderId"]
        assert venue.sent == []

    @pytest.mark.parametrize(("change", "text"), [
        ({"quantity": "0.0101"}, "quantity"), ({"price": "49000.01"}, "price"), ({"quantity": "0"}, "quantity"),
        ({"quantity": "0.001", "price": "4000"}, "smallest order is worth 5"), ({"price": None}, "price"),
        ({"stopPrice": "48000"}, "trigger"), ({"type": "MARKET"}, "price"),
        ({"referencePrice": "70000"}, "within 20% of the market"),
    ])  # fmt: skip
    async def test_what_the_rules_do_not_allow(self, http, venue, change, text):
        reply = await http.post("/api/v1/order", json={**self.body, **change})
        assert (reply.status_code, reply.json()["code"]) == (400, "filter")
        assert text in reply.json()["message"]
        assert venue.sent == []
        corrected = await http.post("/api/v1/order", json=self.body)  # the first one never left
        assert corrected.status_code == 200

    async def test_a_symbol_that_is_not_traded(self, http):
        reply = await http.post("/api/v1/order", json={**self.body, "symbol": "NOPE"})
        assert (reply.status_code, reply.json()["message"]) == (422, "NOPE is not traded here")
        assert (await http.get("/api/v1/exchange-info/NOPE")).status_code == 404

    async def test_a_body_that_is_no_json(self, http):
        reply = await http.post("/api/v1/order", content=b"{", headers={"Content-Type": "application/json"})
        assert (reply.status_code, reply.json()["clientOrderId"]) == (400, None)

    async def test_an_order_that_was_not_placed_here(self, http, venue):
        await venue.place(Approved(limit("other")))
        assert (await http.get("/api/v1/order/other")).status_code == 404
        there = await http.get("/api/v1/order/other", params={"symbol": SYMBOL})
        assert there.json()["clientOrderId"] == "other"

    async def test_the_bound_on_an_order_by_what_the_wallet_holds(self, inside, venue):
        async with (
            served(inside, ceiling=Ceiling(D(400), D("0.1"))) as url,
            httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as http,
        ):
            entry = {"symbol": SYMBOL, "side": "BUY", "type": "limit", "price": "49000", "quantity": "0.01"}
            reply = await http.post("/api/v1/order", json={**entry, "clientOrderId": "a"})
            assert (reply.status_code, "what the wallet holds" in reply.json()["message"]) == (503, True)
            out = {**entry, "side": "SELL", "type": "market", "price": None, "reduceOnly": True, "clientOrderId": "x"}
            assert (await http.post("/api/v1/order", json=out)).status_code == 200
            for wallet, most in (("3000", "at most 300.0 may"), ("9000", "at most 400 may")):
                inside.wallet = D(wallet)
                reply = await http.post("/api/v1/order", json={**entry, "clientOrderId": f"b{wallet}"})
                assert (reply.status_code, most in reply.json()["message"]) == (400, True), reply.text
            inside.wallet = D(9000)
            small = {**entry, "quantity": "0.005", "clientOrderId": "c"}
            assert (await http.post("/api/v1/order", json=small)).status_code == 200

    async def test_the_wallet_is_what_a_snapshot_said(self, inside):
        assert inside.wallet is None
        seen = await inside.snapshot([SYMBOL])
        assert inside.wallet == seen.balance.wallet

    async def test_the_bound_on_an_order(self, inside, venue):
        async with (
            served(inside, ceiling=Ceiling(D(100))) as url,
            httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as http,
        ):
            entry = {"symbol": SYMBOL, "side": "BUY", "type": "market", "quantity": "0.01", "clientOrderId": "m"}
            for more, text in (
                ({}, "referencePrice is missing"),
                ({"referencePrice": "50000"}, "at most 100 may be ordered"),
                ({"type": "limit", "price": "49000"}, "at most 100 may be ordered"),
            ):
                reply = await http.post("/api/v1/order", json={**entry, **more})
                assert reply.status_code == 400
                assert text in reply.json()["message"]
            small = {**entry, "quantity": "0.001", "referencePrice": "50000"}
            assert (await http.post("/api/v1/order", json=small)).status_code == 200
            del small["referencePrice"]
            assert (await http.post("/api/v1/order", json=small)).status_code == 200  # known
            out = {**entry, "side": "SELL", "reduceOnly": True, "quantity": "5", "clientOrderId": "x"}
            assert (await http.post("/api/v1/order", json=out)).status_code == 200
            remote = RemoteRouter(url, TOKEN, reference=lambda _: venue.price)
            await remote.open()
            with pytest.raises(Refused, match="at most 100"):
                await place(remote, market("r", "0.003"))
            await place(remote, market("r", "0.002"))
            await remote.close()

    async def test_positions_and_kill_switch(self, http, venue):
        await http.post("/api/v1/prepare", json={"symbols": [SYMBOL, "ETHUSDT"], "leverage": 3})
        await http.post("/api/v1/order", json=self.body)
        venue.fill("my/1")
        await http.post("/api/v1/order", json={**self.body, "clientOrderId": "my/2"})
        (position,) = (await http.get("/api/v1/positions")).json()
        assert (position["symbol"], position["quantity"], position["entryPrice"]) == (SYMBOL, "0.01", "50000")
        assert (await http.get("/api/v1/positions", params={"symbols": "ETHUSDT"})).json() == []
        done = (await http.post("/api/v1/kill-switch", json={"flatten": True, "reason": "enough"})).json()
        assert done["switch"] == {"active": True, "since": venue.time, "reason": "enough"}
        assert (done["cancelled"], len(done["closing"]), done["problems"]) == (["my/2"], 1, [])
        assert (await http.get("/api/v1/kill-switch")).json()["active"] is True
        refused = await http.post("/api/v1/order", json={**self.body, "clientOrderId": "my/3"})
        assert (refused.status_code, refused.json()["venueCode"]) == (503, "kill_switch")
        off = (await http.post("/api/v1/kill-switch", json={"active": False})).json()
        assert off["switch"]["active"] is False
        assert (await http.post("/api/v1/order", json={**self.body, "clientOrderId": "my/3"})).status_code == 200
        assert (await http.post("/api/v1/kill-switch")).json()["cancelled"] == ["my/3"]

    async def test_everything_but_health_needs_the_token(self, http, address):
        paths = (await http.get("/openapi.json")).json()["paths"]
        assert len(paths) == 14
        async with httpx.AsyncClient(base_url=address) as stranger:
            for path, methods in paths.items():
                for method in methods:
                    reply = await stranger.request(method, path.replace("{client_id}", "a").replace("{symbol}", SYMBOL))
                    assert reply.status_code == (200 if path == "/healthz" else 401), (method, path)
                    if reply.status_code == 401:
                        assert reply.json()["clientOrderId"] in (None, "a")
        with pytest.raises(websockets.InvalidStatus) as error:
            await websockets.connect(address.replace("http", "ws") + "/api/v1/events?token=wrong")
        assert error.value.response.status_code == 401

    async def test_the_description_has_the_contract(self, http):
        described = (await http.get("/openapi.json")).json()
        for path, methods in {
            "/api/v1/order": {"post"}, "/api/v1/order/{client_id}": {"get", "delete"}, "/api/v1/positions": {"get"},
            "/api/v1/exchange-info/{symbol}": {"get"}, "/api/v1/kill-switch": {"get", "post"}, "/healthz": {"get"},
            "/metrics": {"get"},
        }.items():  # fmt: skip
            assert set(described["paths"][path]) == methods
        answers = described["paths"]["/api/v1/order"]["post"]["responses"]
        assert set(answers) == {"200", "400", "401", "409", "422", "429", "503", "504"}
        fields = described["components"]["schemas"]["OrderReport"]["properties"]
        assert fields["quantity"]["type"] == "string"
        assert fields["side"]["enum"] == ["BUY", "SELL"]

    async def test_metrics(self, http):
        await http.post("/api/v1/order", json=self.body)
        reply = await http.get("/metrics")
        assert reply.headers["Content-Type"].startswith("text/plain")
        assert 'triplane_router_requests_total{outcome="ok",request="place"} 1.0' in reply.text

    async def test_every_client_hears_everything_and_first_how_the_stream_is(self, address, venue):
        url = address.replace("http", "ws") + f"/api/v1/events?token={TOKEN}"
        async with websockets.connect(url) as one, websockets.connect(url) as two:
            for socket in (one, two):
                first = json.loads(await socket.recv())
                assert (first["type"], first["data"]["state"]) == ("stream", "up")
            venue.queue.put_nowait(StreamState(StreamStatus.DOWN, "cut", 5))
            venue.queue.put_nowait(Funding(SYMBOL, D("0.10"), 7))
            for socket in (one, two):
                assert json.loads(await socket.recv())["data"]["state"] == "down"
                messages = json.loads(await socket.recv())
                assert messages == {"type": "funding", "data": {"symbol": SYMBOL, "amount": "0.1", "time": 7}}
            async with websockets.connect(url) as late:
                assert json.loads(await late.recv())["data"]["state"] == "down"

    async def test_a_client_that_does_not_read_is_cut_off_not_cheated(self, inside, venue, monkeypatch):
        monkeypatch.setattr(service, "BEHIND", 3)
        hub = service.Hub(inside)
        queue = hub.join()
        running = asyncio.create_task(hub.run())
        for n in range(9):
            venue.queue.put_nowait(Funding(SYMBOL, D(n), n))
        while hub.clients:
            await asyncio.sleep(0)
        got = [queue.get_nowait() for _ in range(queue.qsize())]
        assert got[-1] is None
        assert len(got) == 4
        venue.queue.put_nowait(None)
        await running

    async def test_a_stream_that_fails_is_read_again(self, inside, venue, monkeypatch):
        monkeypatch.setattr(service, "AGAIN", 0)
        hub = service.Hub(inside)
        queue = hub.join()
        events, calls = venue.events, []

        async def failing():
            calls.append(1)
            if len(calls) == 1:
                raise KeyError(SECRET)
            async for event in events():
                yield event

        monkeypatch.setattr(venue, "events", failing)
        running = asyncio.create_task(hub.run())
        messages = [json.loads(await queue.get())["data"] for _ in range(3)]
        assert [row["state"] for row in messages] == ["down", "down", "up"]
        assert SECRET not in str(messages)
        venue.queue.put_nowait(None)
        await running


async def test_no_secret_leaves(inside, venue, http, address, caplog):
    """Neither the venue's words nor an exception's carry a key outside."""
    hide(SECRET)
    venue.will("place", RuntimeError(f"signed with {SECRET}"), Refused(redact(f"apiKey={SECRET}"), "-2015", Why.KEYS))
    venue.will("snapshot", RuntimeError(f"signed with {SECRET}"))
    said = []
    processors = [format_exc_info, redact_event]
    with capture_logs(processors) as logs, caplog.at_level(0):
        for n in range(2):
            body = {**TestService.body, "clientOrderId": f"s{n}"}
            said.append(await http.post("/api/v1/order", json=body))
        said.append(await http.get("/api/v1/snapshot"))
        said.append(await http.post("/api/v1/kill-switch"))
        said.append(await http.get("/metrics"))
    assert [reply.status_code for reply in said] == [504, 503, 503, 200, 200]
    assert SECRET not in "".join(reply.text for reply in said)
    assert "signed with" in str(logs)
    assert SECRET not in str(logs) + caplog.text
    assert TOKEN not in str(logs) + caplog.text + "".join(reply.text for reply in said)
