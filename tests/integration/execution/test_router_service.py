"""The router in the process and over HTTP keep the same promises; and what only HTTP has."""

import asyncio
import json
import re
from dataclasses import replace

import httpx
import pytest
import websockets
from fakes import SYMBOL, Carried, D, FakeVenue, Held, limit, market, stop
from served import TOKEN, served
from structlog.processors import format_exc_info
from structlog.testing import capture_logs

from triplane.api import router as service
from triplane.errors import BadInput
from triplane.execution.remote import RemoteRouter
from triplane.execution.router import Conflict, Router
from triplane.venues.base import (
    Approved,
    BalanceChange,
    Cause,
    Execution,
    Funding,
    MarginCall,
    OrderReport,
    OrderStatus,
    StreamState,
    StreamStatus,
)
from triplane.venues.errors import NotFound, Refused, Unknown, Why
from triplane.venues.keys import hide, redact, redact_event

LOST = Unknown("no answer came", "-1007")
SECRET = "Zx9-planted-secret-0123456789"


@pytest.fixture
def venue():
    return FakeVenue()


@pytest.fixture
async def inside(venue, tmp_path):
    """The router itself."""
    router = Router(venue, tmp_path)
    await router.open()
    yield router
    await router.close()


@pytest.fixture
async def address(inside):
    async with served(inside) as url:
        yield url


@pytest.fixture(params=["in the process", "over HTTP"])
async def router(request, inside):
    """What the engine trades with."""
    if request.param == "in the process":
        yield inside
        return
    async with served(inside) as url:
        remote = RemoteRouter(url, TOKEN)
        await remote.open()
        yield remote
        await remote.close()


@pytest.fixture
async def http(address):
    async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


def place(router, order):
    return router.place(Approved(order))


class TestBothWays:
    """Each of these is what the engine relies on."""

    async def test_it_shows_its_venue(self, router, venue):
        assert (router.name, router.capabilities) == (venue.name, venue.capabilities)
        assert abs(router.now_ms() - venue.time) < 5000

    async def test_the_same_answer_for_ever(self, router, venue):
        order = limit("a.1:B/c-_", quantity="0.10")
        first = await place(router, order)
        assert first == venue.orders[order.client_id]
        venue.fill(order.client_id)
        venue.price += 1
        assert [await place(router, order) for _ in range(3)] == [first] * 3
        assert len(venue.sent) == 1

    @pytest.mark.parametrize("change", [
        {"quantity": D("0.02")}, {"price": D(48_000)}, {"side": -1}, {"reduce_only": True}, {"time_in_force": "IOC"},
        {"symbol": "ETHUSDT"},
    ])  # fmt: skip
    async def test_another_order_under_a_known_id(self, router, venue, change):
        await place(router, limit("a"))
        with pytest.raises(Conflict):
            await place(router, replace(limit("a"), **change))
        assert len(venue.sent) == 1

    @pytest.mark.parametrize("why", sorted(
        set(Why) - {Why.RATE, Why.BANNED, Why.OVERLOAD, Why.CLOCK, Why.DOWN, Why.COOLING_OFF, Why.DUPLICATE}
    ))  # fmt: skip
    async def test_a_refusal_of_the_order_is_for_ever(self, router, venue, why):
        venue.will("place", Refused("no.", "-1", why, 5))
        for _ in range(2):
            with pytest.raises(Refused) as error:
                await place(router, limit("a"))
            assert (type(error.value), error.value.why, error.value.code, str(error.value)) == (
                Refused,
                why,
                "-1",
                "no.",
            )
        assert venue.sent == []
        with pytest.raises(Conflict):
            await place(router, limit("a", price="48000"))

    @pytest.mark.parametrize("why", [Why.RATE, Why.BANNED, Why.OVERLOAD, Why.CLOCK, Why.DOWN, Why.COOLING_OFF])
    async def test_a_reason_that_passes_is_not(self, router, venue, why):
        venue.will("place", Refused("later", "-2", why, venue.time + 700))
        with pytest.raises(Refused) as error:
            await place(router, limit("a"))
        assert (error.value.why, error.value.code, error.value.retry_at) == (why, "-2", venue.time + 700)
        await place(router, limit("a"))
        assert len(venue.sent) == 1

    async def test_an_order_of_unknown_fate_that_arrived(self, router, venue):
        venue.will("place", Carried(LOST))
        with pytest.raises(Unknown) as error:
            await place(router, market("a"))
        assert (str(error.value), error.value.code) == (str(LOST), LOST.code)
        assert (await place(router, market("a"))).status is OrderStatus.FILLED
        assert (len(venue.sent), venue.positions[SYMBOL]) == (1, D("0.01"))

    async def test_an_order_of_unknown_fate_that_never_arrived(self, router, venue):
        venue.will("place", LOST)
        for step in (0, 5_999):
            venue.time += step
            with pytest.raises(Unknown):
                await place(router, market("a"))
        assert venue.asked.count(("place", "a")) == 1
        venue.time += 1
        await place(router, market("a"))
        assert (len(venue.sent), venue.positions[SYMBOL]) == (1, D("0.01"))

    async def test_at_the_same_time(self, router, venue):
        held = Held(asyncio.Event(), asyncio.Event())
        venue.will("place", held)
        tasks = [asyncio.create_task(place(router, market("a"))) for _ in range(5)]
        await held.begun.wait()
        held.gate.set()
        answers = await asyncio.gather(*tasks)
        assert answers == [answers[0]] * 5
        assert len(venue.sent) == 1

    async def test_the_breaker(self, router, venue):
        venue.will("place", *[LOST] * 5)
        for n in range(5):
            with pytest.raises(Unknown):
                await place(router, limit(f"x{n}"))
        with pytest.raises(Refused) as error:
            await place(router, limit("a"))
        assert (error.value.why, error.value.code, error.value.retry_at) == (
            Why.DOWN, "breaker_open", venue.time + 60_000,
        )  # fmt: skip
        await place(router, stop("s"))
        await place(router, limit("a"))

    async def test_the_kill_switch(self, router, inside, venue):
        await place(router, limit("e"))
        assert (await inside.kill()).cancelled == ("e",)
        with pytest.raises(Refused) as error:
            await place(router, limit("a"))
        assert (error.value.why, error.value.code) == (Why.DOWN, "kill_switch")
        await place(router, stop("s"))

    async def test_looking_up_and_cancelling(self, router, venue):
        for order in (limit("l:1/2"), stop("s")):
            which = {"conditional": order.type.conditional}
            placed = await place(router, order)
            assert await router.order(SYMBOL, order.client_id, **which) == placed
            await router.cancel(SYMBOL, order.client_id, **which)
            assert (await router.order(SYMBOL, order.client_id, **which)).status is OrderStatus.CANCELLED
            with pytest.raises(NotFound) as error:
                await router.cancel(SYMBOL, order.client_id, **which)
            assert error.value.code == "-2011"
        with pytest.raises(NotFound) as error:
            await router.order(SYMBOL, "nobody", conditional=False)
        assert (str(error.value), error.value.code) == ("there is no order nobody", "-2013")

    async def test_a_cancel_of_unknown_fate(self, router, venue):
        await place(router, limit("a"))
        venue.will("cancel", Carried(LOST))
        with pytest.raises(Unknown):
            await router.cancel(SYMBOL, "a", conditional=False)

    async def test_state(self, router, venue):
        await place(router, market("m", "0.123"))
        await place(router, stop("s"))
        assert await router.snapshot([SYMBOL]) == await venue.snapshot([SYMBOL])
        assert await router.snapshot([]) == await venue.snapshot([])
        (fill,) = await router.fills(SYMBOL, since=0)
        assert fill == venue.trades[0]
        assert await router.fills(SYMBOL, since=0, venue_order_id="77") == []
        assert await router.fills(SYMBOL, since=venue.time + 1) == []
        assert await router.funding(SYMBOL, since=0) == []
        names = ["ETHUSDT", SYMBOL]
        assert await router.instruments(names) == await venue.instruments(names)
        with pytest.raises(BadInput, match="NOPE is not traded here"):
            await router.instruments([SYMBOL, "NOPE"])
        assert await router.prepare([SYMBOL], 3) == []
        assert await router.prepare([SYMBOL], 3, resume=True) == ["resumed"]
        await router.check_keys()
        venue.will("check_keys", BadInput("this API key may withdraw"))
        with pytest.raises(BadInput, match="this API key may withdraw"):
            await router.check_keys()
        venue.will("snapshot", Refused("later", "-1003", Why.RATE, 9))
        with pytest.raises(Refused) as error:
            await router.snapshot([SYMBOL])
        assert (error.value.why, error.value.retry_at) == (Why.RATE, 9)

    async def test_events(self, router, venue):
        fill = Execution(SYMBOL, "1", "2", "a", -1, D("1E-8"), D("0.10"), D("-0.1"), "BNB", True, 5, Cause.ADL)
        sent = [
            fill,
            OrderReport("a", SYMBOL, 1, limit("a").type, OrderStatus.EXPIRED, D(1), D("0.5"), D(7), reason="IOC"),
            Funding(SYMBOL, D("-0.001"), 7),
            BalanceChange("USDT", D("9999.99"), "FUNDING_FEE", 8),
            MarginCall((SYMBOL, "ETHUSDT"), 9),
            StreamState(StreamStatus.DOWN, "cut", 10),
        ]
        received = []
        events = router.events()
        async with asyncio.timeout(20):
            async for event in events:
                received.append(event)
                if len(received) == 1:
                    assert received[0].state is StreamStatus.UP
                    for one in sent:
                        venue.queue.put_nowait(one)
                if received[-1] == sent[-1]:
                    break
        await events.aclose()
        assert [event for event in received if event in sent] == sent
        assert all(isinstance(event, StreamState) for event in received if event not in sent)


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

    async def test_the_bound_on_an_order(self, inside, venue):
        async with (
            served(inside, max_notional=D(100)) as url,
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


class TestRemote:
    """What can go wrong between client and service."""

    @pytest.mark.parametrize("url", ["127.0.0.1:8001", "ftp://x", "http://"])
    def test_an_address_that_is_none(self, url):
        with pytest.raises(BadInput, match=re.escape(repr(url))):
            RemoteRouter(url, TOKEN)

    async def test_nobody_there(self):
        remote = RemoteRouter("http://127.0.0.1:9", TOKEN)
        with pytest.raises(Refused) as error:
            await remote.open()
        assert error.value.why is Why.DOWN
        with pytest.raises(Refused, match="closed"):
            await place(remote, limit("a"))
        await remote.close()

    async def test_the_wrong_token(self, address):
        remote = RemoteRouter(address, SECRET)
        with pytest.raises(Refused) as error:
            await remote.open()
        assert error.value.why is Why.KEYS
        assert SECRET not in str(error.value)
        await remote.close()

    @pytest.mark.parametrize(("reply", "changing", "reading"), [
        (b"", Unknown, Refused),  # cut
        (b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 2\r\n\r\nno", Unknown, Refused),
        (b"HTTP/1.1 503 x\r\ncontent-length: 21\r\n\r\n{\"code\": \"unexpected\"}", Unknown, Refused),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno", Refused, Refused),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", Unknown, Refused),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", Unknown, Refused),  # torn
        (None, Unknown, Refused),  # never
    ])  # fmt: skip
    async def test_what_did_not_come_from_the_service(self, reply, changing, reading):
        """Nothing of it may pass for an answer of the venue; NotFound least of all."""

        handlers = set()

        async def answer(reader, writer):
            handlers.add(asyncio.current_task())
            head = await reader.readuntil(b"\r\n\r\n")
            if b"/venue" in head:
                said = b'{"name": "fake", "time": 5, "capabilities": {}}'
                writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 47\r\n\r\n" + said)
            elif reply is None:
                await reader.read()  # until the client gives up
            else:
                writer.write(reply)
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        remote = RemoteRouter(
            f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", TOKEN, timeout=5.0 if reply is not None else 0.3
        )
        await remote.open()
        with pytest.raises((Unknown, Refused)) as error:
            await place(remote, limit("a"))
        assert type(error.value) is changing
        with pytest.raises((Unknown, Refused, NotFound)) as error:
            await remote.order(SYMBOL, "a", conditional=False)
        assert type(error.value) is reading
        await remote.close()
        server.close()
        await asyncio.gather(*handlers)

    async def test_it_is_up_when_the_venue_is(self, venue):
        """A connection to the service alone is no connection to the venue's stream."""
        router = Router(venue)
        venue.queue.put_nowait(StreamState(StreamStatus.DOWN, "not yet", 5))
        async with served(router) as url, asyncio.timeout(20):
            remote = RemoteRouter(url, TOKEN)
            await remote.open()
            first = asyncio.create_task(anext(remote.events()))
            while not venue.queue.empty():
                await asyncio.sleep(0)
            assert not first.done()
            await router.open()
            assert (await first).state is StreamStatus.UP
            await remote.close()
        await router.close()

    async def test_the_service_is_started_again(self, inside, venue):
        """The stream comes back by itself, and says so."""
        async with asyncio.timeout(30):
            async with served(inside) as url:
                remote = RemoteRouter(url, TOKEN)
                await remote.open()
                states = (event.state async for event in remote.events())
                assert await anext(states) is StreamStatus.UP
            assert await anext(states) is StreamStatus.DOWN
            with pytest.raises(Refused):
                await place(remote, limit("a"))
            async with served(inside, port=int(url.rpartition(":")[2])):
                venue.queue.put_nowait(StreamState(StreamStatus.UP, "connected", venue.time))
                assert await anext(states) is StreamStatus.UP
                await place(remote, limit("a"))
                await remote.close()
            assert [state async for state in states] == []


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
