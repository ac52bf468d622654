"""Each route with what it should take and what it should refuse."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from triplane.model import facts as f
from triplane.model.settings import TradingSettings

from .conftest import BASE, TOKEN, Engine, Page
from .streams import MINUTE, START, Stream, session_health


@pytest.fixture
def filled(page: Page, stream: Stream) -> Page:
    """Seven trades, three signals and an order of the session, and another session that was interrupted."""
    for number in range(1, 8):
        stream.trade(f"p{number}", symbol=("BTCUSDT", "ETHUSDT")[number % 2], exit_time=number)
    for number, status in enumerate(("executed", "expired", "rejected")):
        stream.signal(f"g{number}", status, decision=number, generated_at=number)
    stream.order("o1", decision=0, status="filled")
    page.take(stream)
    page.keep(stream.facts)
    page.keep(Stream("t", symbols=["ETHUSDT"], started_at=START - 1, start_balance="500").facts)
    return page


SETTINGS = TradingSettings().model_dump()

GOOD_READS = [
    ("/system/status", {"state": "IN_POSITION", "session_id": "s", "symbol": "BTCUSDT", "mode": "paper"}),
    ("/system/status?symbol=ETHUSDT", {"symbol": "ETHUSDT", "state": "SCANNING", "current_order_id": "e1"}),
    ("/system/status?session=s", {"session_id": "s", "session_status": "running"}),
    ("/system/debug/signal-check", {"symbol": "BTCUSDT", "would_trade": False}),
    ("/system/debug/signal-check?symbol=ETHUSDT", {"symbol": "ETHUSDT", "would_trade": True}),
    ("/market-rest/history?limit=2&before=5000", {"symbol": "BTCUSDT", "timeframe": "1m", "candles": []}),
    ("/market-rest/websocket-status", {"source": "demo", "connected": True, "data_grade": "A"}),
    ("/market-rest/connections", {"items": [], "total": 0}),
    ("/trades/portfolio", {"total_equity": "10000.5", "wallet_balance": "10000", "available_balance": "9975.5"}),
    ("/trades/performance", {"net_pnl": "0.5", "sharpe": None, "trades": 7}),
    ("/trades/history", {"total": 7, "page": 1, "limit": 100}),
    ("/trades/equity-curve?limit=1", {"points": [{"time": START, "equity": 10000.5}]}),
    ("/signals/history?status=expired", {"total": 1}),
    ("/signals/pending", {"total": 1}),
    ("/signals/g2", {"id": "g2", "status": "rejected"}),
    ("/signals/waits", {"id": "waits", "status": "pending"}),
    ("/signals/order/o1", {"id": "g0"}),
    ("/settings/trading", SETTINGS),
    ("/api/sessions", {"total": 2}),
    ("/api/sessions?symbol=BTCUSDT", {"total": 1}),
    ("/api/sessions?symbol=ETHUSDT", {"total": 2}),
    ("/api/sessions?symbol=BTC", {"total": 0}),
    ("/api/sessions?status=interrupted", {"total": 1}),
    ("/api/sessions/t", {"id": "t", "status": "interrupted", "start_balance": "500"}),
    ("/api/sessions/s", {"id": "s", "status": "running", "net_pnl": "0.5"}),
    ("/health", {"ready": True, "faults": []}),
    ("/healthz", {"status": "ok"}),
    ("/readyz", {"status": "ready"}),
]


@pytest.mark.parametrize(("path", "expected"), GOOD_READS)
@pytest.mark.usefixtures("filled")
async def test_reads(client: httpx.AsyncClient, path: str, expected: dict[str, Any]) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    assert {name: answer.json()[name] for name in expected} == expected


UNKNOWN_SYMBOL = "The symbol 'XRPUSDT' is not traded here; the session has BTCUSDT, ETHUSDT."
UNKNOWN_SESSION = "There is no session 'other' on the page; there is s."
STATUSES = "'generated', 'pending', 'executed', 'expired' or 'rejected'"

BAD_READS = [
    ("/system/status?symbol=XRPUSDT", 404, UNKNOWN_SYMBOL),
    ("/system/status?session=other", 404, UNKNOWN_SESSION),
    ("/trades/portfolio?session=other", 404, UNKNOWN_SESSION),
    ("/settings/trading?session=other", 404, UNKNOWN_SESSION),
    ("/market-rest/history?limit=501", 422, "limit is '501'; it must be at most 500."),
    ("/market-rest/history?limit=0", 422, "limit is '0'; it must be at least 1."),
    ("/market-rest/history?before=soon", 422, "before is 'soon'; it must be a whole number."),
    ("/trades/history?page=0", 422, "page is '0'; it must be at least 1."),
    ("/trades/history?from=-1", 422, "from is '-1'; it must be at least 0."),
    (
        "/trades/history?page=x&limit=y",
        422,
        "page is 'x'; it must be a whole number. limit is 'y'; it must be a whole number.",
    ),
    ("/trades/equity-curve?limit=5001", 422, "limit is '5001'; it must be at most 5000."),
    ("/signals/history?status=old", 422, f"status is 'old'; it must be {STATUSES}."),
    ("/signals/nothing", 404, "There is no signal 'nothing'."),
    ("/signals/order/nothing", 404, "There is no order 'nothing'."),
    ("/api/sessions/nothing", 404, "There is no session 'nothing'."),
    ("/api/decisions?symbol=XRPUSDT", 404, UNKNOWN_SYMBOL),
    ("/events?session=../s", 404, "There are no facts of a session '../s'."),
    ("/events?from=0", 422, "from is '0'; it must be at least 1."),
    ("/api/nothing", 404, "There is nothing at /api/nothing."),
    ("/trades", 404, "There is nothing at /trades."),
]


@pytest.mark.parametrize(("path", "status", "message"), BAD_READS)
async def test_refused_reads(client: httpx.AsyncClient, path: str, status: int, message: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["message"]) == (status, message)
    assert answer.json()["code"] == {404: "not_found", 422: "invalid"}[status]
    assert set(answer.json()) == {"code", "message"}


GOOD_COMMANDS = [
    ("/trades/close/p1", None, ("close", "s", {"symbol": "BTCUSDT"})),
    ("/trades/close/p1?session=s", None, ("close", "s", {"symbol": "BTCUSDT"})),
    ("/trades/execute/e1", None, ("market", "s", {"symbol": "ETHUSDT"})),
    ("/trades/execute/c1", None, ("market", "s", {"symbol": "ETHUSDT"})),
    ("/api/trading/orders/e1/cancel", None, ("cancel", "s", {"symbol": "ETHUSDT"})),
    (
        "/trades/simulate",
        {"symbol": "ETHUSDT", "side": "sell"},
        ("simulate", "s", {"symbol": "ETHUSDT", "side": -1, "stop": None}),
    ),
    (
        "/trades/simulate",
        {"symbol": "BTCUSDT", "side": "buy", "stop_loss": 9.5},
        ("simulate", "s", {"symbol": "BTCUSDT", "side": 1, "stop": 9.5}),
    ),
    ("/trades/reset", None, ("reset", "s", {"balance": None})),
    ("/trades/reset", {"balance": 500}, ("reset", "s", {"balance": 500.0})),
    ("/signals/waits/expire", None, ("expire", "s", {"symbol": "ETHUSDT", "decision": 19})),
    ("/api/sessions/s/stop", None, ("stop", "s", {})),
]


@pytest.mark.parametrize(("path", "body", "command"), GOOD_COMMANDS)
async def test_commands(
    client: httpx.AsyncClient, engine: Engine, path: str, body: dict[str, Any] | None, command: tuple[Any, ...]
) -> None:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"accepted": True, "message": "Done."}
    assert engine.commands == [command]


BAD_COMMANDS = [
    ("/trades/close/nothing", None, 404, "There is no open position 'nothing'."),
    ("/trades/execute/nothing", None, 404, "There is no pending order 'nothing'."),
    ("/api/trading/orders/nothing/cancel", None, 404, "There is no pending order 'nothing'."),
    (
        "/api/trading/orders/stop1/cancel",
        None,
        409,
        "The order 'stop1' protects a position; only an entry can be cancelled.",
    ),
    ("/trades/execute/stop1", None, 409, "The order 'stop1' protects a position; only an entry can be executed."),
    ("/trades/close/p1?session=other", None, 404, UNKNOWN_SESSION),
    ("/trades/simulate", {"symbol": "XRPUSDT", "side": "buy"}, 404, UNKNOWN_SYMBOL),
    ("/trades/simulate", {"symbol": "BTCUSDT", "side": "up"}, 422, "side is 'up'; it must be 'buy' or 'sell'."),
    ("/trades/simulate", {"symbol": "BTCUSDT"}, 422, "side is missing; it is required."),
    (
        "/trades/simulate",
        {"symbol": "BTCUSDT", "side": "buy", "size": 1},
        422,
        "size is not known here; check its spelling.",
    ),
    (
        "/trades/simulate",
        {"symbol": "BTCUSDT", "side": "buy", "stop_loss": -1},
        422,
        "stop_loss is -1; it must be greater than 0.",
    ),
    ("/trades/reset", {"balance": "all"}, 422, "balance is 'all'; it must be a number."),
    ("/trades/reset", {"balance": 0}, 422, "balance is 0; it must be greater than 0."),
    ("/signals/nothing/execute", None, 404, "There is no signal 'nothing'."),
    ("/signals/g0/execute", None, 409, "The signal 'g0' is executed; only a pending one can be decided about."),
    ("/signals/g1/mark-pending", None, 409, "The signal 'g1' is expired; only a pending one can be decided about."),
    ("/signals/g2/expire", None, 409, "The signal 'g2' is rejected; only a pending one can be decided about."),
    ("/signals/expire-stale?older_than_minutes=-1", None, 422, "older_than_minutes is '-1'; it must be at least 0."),
    ("/api/kill-switch", {"flatten": "perhaps"}, 422, "flatten is 'perhaps'; it must be true or false."),
    ("/api/sessions/other/resume", {"acknowledge": True}, 404, UNKNOWN_SESSION),
    (
        "/api/sessions/s/resume",
        {"acknowledge": True},
        409,
        "The session 's' is not halted, so there is nothing to resume.",
    ),
    ("/api/sessions/s/resume", {"acknowledge": False}, 422, "acknowledge is False; it must be True."),
    ("/api/sessions/s/resume", None, 422, "the body is missing; it is required."),
    ("/api/sessions/other/stop", None, 404, UNKNOWN_SESSION),
    (
        "/api/sessions/start",
        {"strategy": "ema_cross", "symbols": []},
        422,
        "symbols is []; it must have at least 1 entries.",
    ),
    (
        "/api/sessions/start",
        {"strategy": "ema_cross", "symbols": ["B"], "timeframe": "soon"},
        422,
        "timeframe is 'soon'; it must match ^[0-9]{1,4}[mhdw]$.",
    ),
    ("/api/sessions/start", [1], 422, "the body must be a JSON object, sent as application/json."),
]


@pytest.mark.parametrize(("path", "body", "status", "message"), BAD_COMMANDS)
@pytest.mark.usefixtures("filled")
async def test_refused_commands(
    client: httpx.AsyncClient, engine: Engine, path: str, body: Any, status: int, message: str
) -> None:
    answer = await client.post(path, json=body)
    assert (answer.status_code, answer.json()["message"]) == (status, message)
    assert engine.commands == []


async def test_a_body_that_is_not_json(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/kill-switch", content="{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()) == (
        400,
        {"code": "bad_request", "message": "The body is not valid JSON."},
    )


async def test_a_method_that_is_not_possible(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/api/sessions")
    assert answer.status_code == 405
    assert answer.json()["message"] == "DELETE is not possible at /api/sessions."


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("invalid", 422, "invalid"),
        ("conflict", 409, "conflict"),
        ("not_found", 404, "not_found"),
        ("failed", 503, "unavailable"),
    ],
)
async def test_what_the_engine_refuses(
    client: httpx.AsyncClient, engine: Engine, code: str, status: int, said: str
) -> None:
    engine.answer = lambda *_: (code, "The session has ended.")
    for path in ("/trades/close/p1", "/trades/execute/e1"):
        answer = await client.post(path)
        assert (answer.status_code, answer.json()) == (status, {"code": said, "message": "The session has ended."})


@pytest.mark.parametrize("raised", [RuntimeError("a secret of /home/somebody"), KeyError("a secret")])
async def test_what_nobody_foresaw_shows_nothing(client: httpx.AsyncClient, engine: Engine, raised: Exception) -> None:
    def answer_with(*_: object) -> None:
        raise raised

    engine.answer = answer_with
    with capture_logs() as logged:
        answer = await client.post("/trades/reset")
    assert answer.status_code == 503
    assert answer.json()["code"] == "unexpected"
    assert "secret" not in answer.text
    reference = answer.json()["message"].split()[-1].rstrip(".")
    (line,) = logged
    assert line["reference"] == reference
    assert "a secret" in line["trace"]


async def test_a_database_that_cannot_answer(client: httpx.AsyncClient, page: Page) -> None:
    with page.store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE trades")
    answer = await client.get("/trades/history")
    assert answer.status_code == 503
    assert answer.json() == {
        "code": "unavailable",
        "message": f"The database {page.store.name} cannot be read: no such table: trades.",
    }
    assert (await client.get("/trades/portfolio")).status_code == 200


@pytest.mark.usefixtures("filled")
async def test_trades_in_pages_and_filtered(client: httpx.AsyncClient) -> None:
    async def ids(query: str) -> tuple[list[str], int]:
        found = (await client.get(f"/trades/history?{query}")).json()
        return [item["id"] for item in found["items"]], found["total"]

    assert await ids("limit=3") == (["p7", "p6", "p5"], 7)
    assert await ids("limit=3&page=3") == (["p1"], 7)
    assert await ids("limit=3&page=4") == ([], 7)
    assert await ids("limit=500") == (["p7", "p6", "p5", "p4", "p3", "p2", "p1"], 7)
    assert await ids("symbol=ETHUSDT") == (["p7", "p5", "p3", "p1"], 4)
    assert await ids("session=t") == ([], 0)
    assert await ids("from=3&to=5") == (["p4", "p3"], 2)


@pytest.mark.usefixtures("filled")
async def test_a_stored_trade_is_the_fact_that_it_was(client: httpx.AsyncClient, stream: Stream) -> None:
    item = (await client.get("/trades/history?limit=1")).json()["items"][0]
    told = next(fact for fact in stream.facts if isinstance(fact, f.Trade) and fact.id == "p7")
    assert item == {"event": "trade.v1"} | {name: getattr(told, name) for name in told.__struct_fields__}


async def test_history_writes_nan_as_null_and_keeps_the_limit(
    client: httpx.AsyncClient, page: Page, stream: Stream
) -> None:
    for number in range(1, 10):
        candle = stream.candle(float(number))
        stream.add(f.Features, tf="1m", ts=candle.open_time, rsi14=float(number), plots={"own": float("nan")})
    page.take(stream)
    found = (await client.get(f"/market-rest/history?limit=3&before={candle.open_time}")).json()
    assert [one["close"] for one in found["candles"]] == [6.0, 7.0, 8.0]
    assert found["plots"] == ["own"]
    shown = found["candles"][-1]["indicators"]
    assert (shown["rsi14"], shown["ema20"], shown["own"]) == (8.0, None, None)


async def test_money_is_text_and_never_has_an_exponent(client: httpx.AsyncClient, page: Page, stream: Stream) -> None:
    stream.position(size="0.00000001")
    stream.candle(90.0)
    page.take(stream)
    position = (await client.get("/trades/portfolio")).json()["open_positions"][0]
    assert (position["size"], position["current_pnl"]) == ("0.00000001", "-0.0000001")
    assert position["current_pnl_pct"] == pytest.approx(-10.0)


async def test_pending_signals_in_pages(client: httpx.AsyncClient, page: Page, stream: Stream) -> None:
    stream.signal("waits", "expired", symbol="ETHUSDT")
    for number in range(5):
        stream.signal(f"g{number}", symbol=("BTCUSDT", "ETHUSDT")[number % 2])
    page.take(stream)
    found = (await client.get("/signals/pending?limit=2&page=2")).json()
    assert ([item["id"] for item in found["items"]], found["total"]) == (["g2", "g1"], 5)
    found = (await client.get("/signals/pending?symbol=ETHUSDT")).json()
    assert ([item["id"] for item in found["items"]], found["total"]) == (["g3", "g1"], 2)


async def test_marking_pending_what_is_pending_changes_nothing(client: httpx.AsyncClient, engine: Engine) -> None:
    assert (await client.post("/signals/waits/mark-pending")).status_code == 200
    assert engine.commands == []


@pytest.mark.parametrize(("minutes", "ids"), [(119, ["waits"]), (120, []), (0, ["waits", "fresh"])])
async def test_stale_signals_expire(
    client: httpx.AsyncClient, page: Page, engine: Engine, stream: Stream, minutes: int, ids: list[str]
) -> None:
    stream.candle(at=START + 119 * MINUTE)
    stream.signal("fresh", symbol="ETHUSDT", decision=20)
    page.take(stream)
    answer = await client.post(f"/signals/expire-stale?older_than_minutes={minutes}")
    assert answer.json() == {"expired": len(ids), "ids": ids}
    decisions = {"waits": 19, "fresh": 20}
    assert engine.commands == [("expire", "s", {"symbol": "ETHUSDT", "decision": decisions[one]}) for one in ids]


async def test_executing_a_signal_answers_with_what_became_of_it(
    client: httpx.AsyncClient, page: Page, engine: Engine, stream: Stream
) -> None:
    def carry_out(_kind: str, _session: str | None, _fields: dict[str, Any]) -> tuple[str, str]:
        stream.signal("waits", "executed", symbol="ETHUSDT", decision=19, order_id="e9")
        stream.order("e9", symbol="ETHUSDT", decision=19, status="filled")
        page.take(stream)
        return "ok", "Done."

    engine.answer = carry_out
    answer = (await client.post("/signals/waits/execute")).json()
    assert engine.commands == [("execute", "s", {"symbol": "ETHUSDT", "decision": 19})]
    assert (answer["accepted"], answer["message"]) == (True, "Done.")
    assert (answer["signal"]["status"], answer["signal"]["order_id"]) == ("executed", "e9")
    assert (answer["order"]["order_id"], answer["order"]["status"]) == ("e9", "filled")


async def test_executing_a_signal_that_the_risk_checks_refuse(
    client: httpx.AsyncClient, page: Page, engine: Engine, stream: Stream
) -> None:
    def carry_out(_kind: str, _session: str | None, _fields: dict[str, Any]) -> tuple[str, str]:
        stream.signal("waits", "rejected", symbol="ETHUSDT", decision=19, reject_reason="max_trades_day")
        page.take(stream)
        return "ok", "Done."

    engine.answer = carry_out
    answer = (await client.post("/signals/waits/execute")).json()
    assert (answer["signal"]["status"], answer["signal"]["reject_reason"]) == ("rejected", "max_trades_day")
    assert answer["order"] is None


async def test_settings_are_changed_by_the_engine(
    client: httpx.AsyncClient, page: Page, engine: Engine, stream: Stream
) -> None:
    change = {"risk_per_trade": 0.005, "execution_mode": "manual"}

    def carry_out(_kind: str, _session: str | None, fields: dict[str, Any]) -> tuple[str, str]:
        stream.add(f.Settings, "", values=SETTINGS | fields["values"])
        page.take(stream)
        return "ok", "The settings count from the next candle on."

    engine.answer = carry_out
    answer = await client.put("/settings/trading", json=change)
    assert answer.json() == SETTINGS | change
    assert engine.commands == [("limits", "s", {"values": change})]
    assert (await client.get("/settings/trading")).json() == SETTINGS | change


async def test_no_change_is_no_command(client: httpx.AsyncClient, engine: Engine) -> None:
    assert (await client.put("/settings/trading", json={})).json() == SETTINGS
    assert engine.commands == []


async def test_a_change_that_the_engine_refuses(client: httpx.AsyncClient, engine: Engine) -> None:
    engine.answer = lambda *_: ("conflict", "The session has ended.")
    assert (await client.put("/settings/trading", json={"cooldown_bars": 1})).status_code == 409
    assert (await client.get("/settings/trading")).json() == SETTINGS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"risk_per_trade": 0}, "risk_per_trade is 0; it must be greater than 0."),
        ({"risk_per_trade": 1.01}, "risk_per_trade is 1.01; it must be at most 1."),
        ({"max_open_positions": 0}, "max_open_positions is 0; it must be at least 1."),
        ({"execution_mode": "semi"}, "execution_mode is 'semi'; it must be 'auto' or 'manual'."),
        ({"cooldown_bars": 1.5}, "cooldown_bars is 1.5; it must be a whole number."),
        ({"risk": 0.01}, "risk is not known here; check its spelling."),
        ({"default_stop": None}, "default_stop is None; it must be a number."),
    ],
)
async def test_settings_out_of_range(client: httpx.AsyncClient, engine: Engine, change: Any, message: str) -> None:
    answer = await client.put("/settings/trading", json=change)
    assert (answer.status_code, answer.json()["message"]) == (422, message)
    assert engine.commands == []


async def test_resume_needs_an_acknowledgement(
    client: httpx.AsyncClient, page: Page, engine: Engine, stream: Stream
) -> None:
    stream.account(halted=True, halt_reason="daily_loss")
    page.take(stream)
    answer = await client.post("/api/sessions/s/resume", json={"acknowledge": True})
    assert answer.status_code == 200
    assert engine.commands == [("resume", "s", {"acknowledge": True})]


async def test_resuming_takes_a_kill_switch_back_that_halted_nothing_here(
    client: httpx.AsyncClient, page: Page, engine: Engine
) -> None:
    page.hear(session_health("s"), kill_switch=True, kill_reason="a drill")
    assert (await client.post("/api/sessions/s/resume", json={"acknowledge": True})).status_code == 200
    assert [kind for kind, _, _ in engine.commands] == ["resume"]


@pytest.mark.parametrize("path", ["/trades/simulate", "/trades/reset"])
@pytest.mark.parametrize("mode", ["testnet", "live"])
async def test_play_is_for_paper_only(make_page: Callable[..., Page], path: str, mode: str) -> None:
    page = make_page()
    page.take(Stream(mode=mode))
    body = {"symbol": "BTCUSDT", "side": "buy"} if "simulate" in path else {}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(page.app), base_url=BASE, headers=headers) as client:
        answer = await client.post(path, json=body)
    assert answer.status_code == 409
    assert answer.json()["message"] == f"This is possible on paper only; the session's mode is {mode}."
    assert page.engine.commands == []


async def test_the_log_of_decisions(client: httpx.AsyncClient, page: Page, stream: Stream) -> None:
    last = [stream.fill(f"x{number}", symbol=("BTCUSDT", "ETHUSDT")[number % 2]) for number in range(4)]
    page.take(stream)
    found = (await client.get("/api/decisions?limit=2")).json()["items"]
    assert [(item["seq"], item["symbol"]) for item in found] == [(fact.seq, fact.symbol) for fact in last[2:]]
    assert found[0]["text"] == "Bought 0.5 BTCUSDT at 100."
    found = (await client.get("/api/decisions?limit=2&symbol=ETHUSDT")).json()["items"]
    assert [item["seq"] for item in found] == [last[1].seq, last[3].seq]


async def test_a_session_is_started_with_what_was_given_and_no_more(
    client: httpx.AsyncClient, page: Page, engine: Engine
) -> None:
    fresh = Stream("fresh", strategy="ict_blocks", timeframe="15m", started_at=START + 1)

    def start(*_: object) -> tuple[str, str, dict[str, str]]:
        page.take(fresh)
        page.hear(session_health("s"), session_health(fresh))
        return "ok", "Session fresh runs.", {"id": "fresh"}

    engine.answer = start
    body = {"strategy": "ict_blocks", "parameters": {"trend": 200}}
    answer = await client.post("/api/sessions/start", json=body)
    assert answer.status_code == 200, answer.text
    assert engine.commands == [("start", None, body)]
    assert (answer.json()["id"], answer.json()["status"], answer.json()["timeframe"]) == ("fresh", "running", "15m")
    shown = (await client.get("/system/status")).json()
    assert (shown["session_id"], shown["strategy"]) == ("fresh", "ict_blocks")  # the newest that runs is shown
    assert (await client.get("/system/status?session=s")).json()["strategy"] == "ema_cross"
    listed = (await client.get("/api/sessions")).json()["items"]
    assert [(one["id"], one["status"]) for one in listed] == [("fresh", "running"), ("s", "running")]


async def test_a_session_that_was_started_and_says_nothing(client: httpx.AsyncClient, page: Page) -> None:
    page.engine.answer = lambda *_: ("ok", "Session x runs.", {"id": "x"})

    async def never(*_: object) -> bool:
        return False

    page.sessions.reach = never  # type: ignore[method-assign]
    answer = await client.post("/api/sessions/start")
    assert answer.status_code == 503
    assert answer.json()["message"] == "Session x runs. But nothing has been heard of it yet."


async def test_sessions_are_listed_in_pages(client: httpx.AsyncClient, filled: Page) -> None:
    for number in range(5):
        filled.keep(Stream(f"old{number}", started_at=number).facts)
    first = (await client.get("/api/sessions?limit=3")).json()
    second = (await client.get("/api/sessions?limit=3&page=2")).json()
    assert [one["id"] for one in first["items"] + second["items"]] == ["s", "t", "old4", "old3", "old2", "old1"]
    assert first["total"] == 7
    assert (await client.get("/api/sessions?to=5")).json()["total"] == 5
    assert (await client.get(f"/api/sessions?from={START}")).json()["total"] == 1


async def test_before_there_is_a_session(make_page: Callable[..., Page]) -> None:
    page = make_page()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(page.app), base_url=BASE, headers=headers) as client:
        answer = await client.get("/system/status")
        assert (answer.status_code, answer.json()["message"]) == (503, "The engine is starting.")
        assert (await client.get("/signals/nothing")).status_code == 404
        assert (await client.get("/api/sessions")).json()["items"] == []
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200


SLEEVES = [f.SleeveInfo("fast", "ema_cross", {}, ["BTCUSDT", "ETHUSDT"], "1m"),
           f.SleeveInfo("slow", "confluence", {}, ["BTCUSDT"], "5m")]  # fmt: skip


@pytest.fixture
def rows(page: Page) -> Stream:
    """A session of two sleeves, both in a position on one market."""
    stream = Stream("pf", started_at=START + 1, sleeves=SLEEVES)
    for sleeve in ("fast", "slow"):
        stream.status("IN_POSITION", sleeve=sleeve)
        stream.position(f"of-{sleeve}", sleeve=sleeve)
        stream.trade(f"was-{sleeve}", sleeve=sleeve)
        stream.signal(f"said-{sleeve}", sleeve=sleeve)
        stream.add(f.StateChange, sleeve=sleeve, from_state="COOLDOWN", to_state="SCANNING", reason="cooldown_over",
                   order_id=None, position_id=None)  # fmt: skip
    page.take(stream)
    page.keep(stream.facts)
    return stream


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [("BTCUSDT", {"fast", "slow"}), ("BTCUSDT:slow", {"slow"}), ("BTCUSDT%3Afast", {"fast"}), ("ETHUSDT", set())],
)
@pytest.mark.parametrize("path", ["/trades/history", "/signals/history", "/signals/pending", "/api/decisions"])
@pytest.mark.usefixtures("rows")
async def test_lists_are_of_a_market_or_of_a_row(
    client: httpx.AsyncClient, path: str, symbol: str, expected: set[str]
) -> None:
    items = (await client.get(f"{path}?session=pf&symbol={symbol}")).json()["items"]
    assert {one.get("sleeve") or one["symbol"].partition(":")[2] for one in items} == expected


@pytest.mark.usefixtures("rows")
async def test_a_row_is_named_by_its_market_where_only_one_has_it(client: httpx.AsyncClient) -> None:
    for path in ("/system/status", "/market-rest/history", "/system/debug/signal-check"):
        assert (await client.get(f"{path}?session=pf&symbol=ETHUSDT")).json()["symbol"] == "ETHUSDT:fast"
        assert (await client.get(f"{path}?session=pf&symbol=BTCUSDT:slow")).json()["symbol"] == "BTCUSDT:slow"
        refused = await client.get(f"{path}?session=pf&symbol=BTCUSDT")
        assert (refused.status_code, refused.json()["message"]) == (
            404, "The symbol 'BTCUSDT' is that of several rows; name one of BTCUSDT:fast, BTCUSDT:slow."
        )  # fmt: skip


@pytest.mark.usefixtures("rows")
async def test_of_two_positions_on_a_market_the_right_one_is_closed(client: httpx.AsyncClient, engine: Engine) -> None:
    for sleeve in ("slow", "fast"):
        assert (await client.post(f"/trades/close/of-{sleeve}")).status_code == 200
        assert engine.commands[-1] == ("close", "pf", {"symbol": f"BTCUSDT:{sleeve}"})


async def test_a_stored_session_has_the_rows_that_it_had(client: httpx.AsyncClient, page: Page, rows: Stream) -> None:
    live = (await client.get("/api/sessions/pf")).json()
    page.sessions.forget(rows.session_id)
    assert live["symbols"] == ["BTCUSDT:fast", "ETHUSDT:fast", "BTCUSDT:slow"]
    assert (await client.get("/api/sessions/pf")).json()["symbols"] == live["symbols"]
    for symbol in ("ETHUSDT", "ETHUSDT:fast"):
        assert (await client.get(f"/api/sessions?symbol={symbol}&status=interrupted")).json()["total"] == 1
