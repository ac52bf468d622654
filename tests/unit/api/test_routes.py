"""Each route with what it should take and what it should refuse."""

from decimal import Decimal
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from triplane.api.schemas import control, trading
from triplane.errors import BadInput, TriplaneError
from triplane.store import Store

from .conftest import Engine


@pytest.fixture
def filled(store: Store) -> Store:
    """Seven trades, three signals, one order and two sessions."""
    base = trading.TRADE | {"session_id": "s", "decision": 1, "status": "closed"}
    trades = [
        {name: value for name, value in base.items() if name != "position_id"}
        | {"id": f"p{number}", "seq": number, "exit_time": number, "symbol": ("BTCUSDT", "ETHUSDT")[number % 2]}
        for number in range(1, 8)
    ]
    statuses = ("executed", "expired", "rejected")
    signals = [
        trading.SIGNAL
        | {
            "id": f"g{number}",
            "session_id": "s",
            "seq": 10 + number,
            "decision": number,
            "generated_at": number,
        }
        | {"status": status}
        for number, status in enumerate(statuses)
    ]
    order: dict[str, Any] = {name: value for name, value in trading.ORDER.items() if name != "trigger_price"}
    order |= {
        "order_id": "o1",
        "session_id": "s",
        "seq": 9,
        "decision": 0,
        "updated_at": 1,
        "filled_quantity": Decimal(0),
    }
    store.write("s", 99, {"positions": trades, "signals": signals, "orders": [order]})
    sessions = [control.SESSION | {"id": "s"}, control.SESSION | {"id": "t", "symbols": ["ETHUSDT"], "status": "ended"}]
    store.put("sessions", sessions)
    return store


GOOD_READS = [
    ("/system/status", {"state": "SCANNING", "session_id": "s", "symbol": "BTCUSDT", "mode": "paper"}),
    ("/system/status?symbol=ETHUSDT", {"symbol": "ETHUSDT"}),
    ("/system/debug/signal-check", {"symbol": "BTCUSDT", "would_trade": True}),
    ("/market-rest/history?limit=2&before=5000", {"symbol": "BTCUSDT", "timeframe": "15m"}),
    ("/market-rest/websocket-status", {"source": "demo", "connected": True}),
    ("/market-rest/connections", {"items": [], "total": 0}),
    ("/trades/portfolio", {"total_equity": "10000.10", "wallet_balance": "10000.10"}),
    ("/trades/performance", {"net_pnl": "3.13", "sharpe": None, "sqn": 1.5}),
    ("/trades/history", {"total": 7, "page": 1, "limit": 100}),
    ("/trades/equity-curve?limit=1", {"points": [{"time": 4999, "equity": 10000.0}]}),
    ("/signals/history?status=expired", {"total": 1}),
    ("/signals/pending", {"total": 1}),
    ("/signals/g2", {"id": "g2", "status": "rejected"}),
    ("/signals/waits", {"id": "waits", "status": "pending"}),
    ("/signals/order/o1", {"id": "g0"}),
    ("/settings/trading", control.SETTINGS),
    ("/api/sessions", {"total": 2}),
    ("/api/sessions?symbol=ETHUSDT", {"total": 1}),
    ("/api/sessions?status=ended", {"total": 1}),
    ("/api/sessions/t", {"id": "t", "net_pnl": "3.13"}),
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
STATUSES = "'generated', 'pending', 'executed', 'expired' or 'rejected'"

BAD_READS = [
    ("/system/status?symbol=XRPUSDT", 404, UNKNOWN_SYMBOL),
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
    ("/api/nothing", 404, "There is nothing at /api/nothing."),
    ("/trades", 404, "There is nothing at /trades."),
]


@pytest.mark.parametrize(("path", "status", "message"), BAD_READS)
async def test_refused_reads(client: httpx.AsyncClient, path: str, status: int, message: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["message"]) == (status, message)
    assert answer.json()["code"] == {404: "not_found", 422: "invalid"}[status]
    assert set(answer.json()) == {"code", "message"}


POSITION = trading.POSITION["id"]
GOOD_COMMANDS = [
    ("/trades/close/" + str(POSITION), None, ("close", {"symbol": "BTCUSDT"})),
    ("/trades/execute/e1", None, ("market", {"symbol": "BTCUSDT"})),
    ("/trades/execute/c1", None, ("market", {"symbol": "BTCUSDT"})),
    ("/api/trading/orders/e1/cancel", None, ("cancel", {"symbol": "BTCUSDT"})),
    (
        "/trades/simulate",
        {"symbol": "ETHUSDT", "side": "sell"},
        ("simulate", {"symbol": "ETHUSDT", "side": -1, "stop": None}),
    ),
    (
        "/trades/simulate",
        {"symbol": "BTCUSDT", "side": "buy", "stop_loss": 9.5},
        ("simulate", {"symbol": "BTCUSDT", "side": 1, "stop": 9.5}),
    ),
    ("/trades/reset", None, ("reset", {"balance": None})),
    ("/trades/reset", {"balance": 500}, ("reset", {"balance": 500.0})),
    ("/signals/waits/execute", None, ("execute", {"symbol": "BTCUSDT", "decision": 17})),
    ("/signals/waits/expire", None, ("expire", {"symbol": "BTCUSDT", "decision": 17})),
    ("/api/kill-switch", None, ("halt", {"flatten": False, "reason": "by hand"})),
    ("/api/kill-switch", {"flatten": True, "reason": "enough"}, ("halt", {"flatten": True, "reason": "enough"})),
    ("/api/sessions/s/stop", None, ("stop", {"session_id": "s"})),
    (
        "/api/sessions/start",
        {"strategy": "ema_cross", "symbols": ["BTCUSDT"], "parameters": {"fast": 5}},
        (
            "start",
            {
                "strategy": "ema_cross",
                "symbols": ["BTCUSDT"],
                "timeframe": "15m",
                "source": "demo",
                "balance": 10000.0,
                "parameters": {"fast": 5.0},
            },
        ),
    ),
]


@pytest.mark.parametrize(("path", "body", "command"), GOOD_COMMANDS)
async def test_commands(
    client: httpx.AsyncClient,
    engine: Engine,
    path: str,
    body: dict[str, Any] | None,
    command: tuple[str, dict[str, Any]],
) -> None:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    if command[0] == "start":
        assert (answer.json()["id"], answer.json()["status"]) == ("s", "running")
    else:
        assert answer.json() == engine.answer
    assert engine.commands == [command]


BAD_COMMANDS = [
    ("/trades/close/nothing", None, 404, "There is no open position 'nothing'."),
    ("/trades/execute/nothing", None, 404, "There is no pending order 'nothing'."),
    ("/api/trading/orders/nothing/cancel", None, 404, "There is no pending order 'nothing'."),
    (
        f"/api/trading/orders/{trading.ORDER['order_id']}/cancel",
        None,
        409,
        f"The order '{trading.ORDER['order_id']}' protects a position; only an entry can be cancelled.",
    ),
    (
        f"/trades/execute/{trading.ORDER['order_id']}",
        None,
        409,
        f"The order '{trading.ORDER['order_id']}' protects a position; only an entry can be executed.",
    ),
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
    (
        "/api/sessions/other/resume",
        {"acknowledge": True},
        404,
        "The session 'other' is not running; the one that runs is s.",
    ),
    (
        "/api/sessions/s/resume",
        {"acknowledge": True},
        409,
        "The session 's' is not halted, so there is nothing to resume.",
    ),
    ("/api/sessions/s/resume", {"acknowledge": False}, 422, "acknowledge is False; it must be True."),
    ("/api/sessions/s/resume", None, 422, "the body is missing; it is required."),
    ("/api/sessions/other/stop", None, 404, "The session 'other' is not running; the one that runs is s."),
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
    ("raised", "status", "code"),
    [
        (BadInput("The stop 9 is above the price 8; it must be below."), 422, "invalid"),
        (TriplaneError("The session is halted; resume it first."), 409, "conflict"),
        (LookupError("There is no such session."), 404, "not_found"),
    ],
)
async def test_what_the_engine_refuses(
    client: httpx.AsyncClient, engine: Engine, raised: Exception, status: int, code: str
) -> None:
    engine.answer = raised
    answer = await client.post("/api/kill-switch")
    assert (answer.status_code, answer.json()) == (status, {"code": code, "message": str(raised)})


@pytest.mark.parametrize("raised", [RuntimeError("a secret of /home/somebody"), KeyError("a secret")])
async def test_what_nobody_foresaw_shows_nothing(
    client: httpx.AsyncClient, engine: Engine, raised: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.answer = raised
    answer = await client.post("/api/kill-switch")
    assert answer.status_code == 503
    assert answer.json()["code"] == "unexpected"
    assert "secret" not in answer.text
    reference = answer.json()["message"].split()[-1].rstrip(".")
    captured = capsys.readouterr()
    logged = captured.out + captured.err  # where logs go is the command line's business
    assert reference in logged
    assert "a secret" in logged


async def test_a_database_that_cannot_answer(client: httpx.AsyncClient, store: Store) -> None:
    with store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE positions")
    answer = await client.get("/trades/history")
    assert answer.status_code == 503
    assert answer.json() == {
        "code": "unavailable",
        "message": f"The database {store.name} cannot be read: no such table: positions.",
    }


async def test_not_ready(client: httpx.AsyncClient, engine: Engine) -> None:
    engine.is_ready = False
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


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
    item = (await client.get("/trades/history?limit=1")).json()["items"][0]
    assert item["position_id"] == "p7"
    assert (item["entry_price"], item["quantity"]) == ("87690.1", "0.011")


async def test_history_writes_nan_as_null_and_keeps_the_limit(client: httpx.AsyncClient) -> None:
    found = (await client.get("/market-rest/history?limit=3&before=10000")).json()["candles"]
    assert [candle["time"] for candle in found] == [7000, 8000, 9000]
    assert found[-1]["indicators"] == {"ema20": None, "rsi14": 51.5}


async def test_money_is_text_and_never_has_an_exponent(client: httpx.AsyncClient, engine: Engine) -> None:
    engine.positions = [trading.POSITION | {"size": Decimal("1E-8"), "current_pnl": Decimal("-0.10")}]
    position = (await client.get("/trades/portfolio")).json()["open_positions"][0]
    assert (position["size"], position["current_pnl"]) == ("0.00000001", "-0.10")
    assert isinstance(position["current_pnl_pct"], float)


async def test_pending_signals_in_pages(client: httpx.AsyncClient, engine: Engine) -> None:
    engine.pending = [
        trading.SIGNAL | {"id": f"g{number}", "symbol": ("BTCUSDT", "ETHUSDT")[number % 2]} for number in range(5)
    ]
    found = (await client.get("/signals/pending?limit=2&page=2")).json()
    assert ([item["id"] for item in found["items"]], found["total"]) == (["g2", "g1"], 5)
    found = (await client.get("/signals/pending?symbol=ETHUSDT")).json()
    assert ([item["id"] for item in found["items"]], found["total"]) == (["g3", "g1"], 2)


async def test_marking_pending_what_is_pending_changes_nothing(client: httpx.AsyncClient, engine: Engine) -> None:
    assert (await client.post("/signals/waits/mark-pending")).status_code == 200
    assert engine.commands == []


@pytest.mark.parametrize(("minutes", "ids"), [(119, ["waits"]), (120, []), (0, ["waits", "fresh"])])
async def test_stale_signals_expire(client: httpx.AsyncClient, engine: Engine, minutes: int, ids: list[str]) -> None:
    now = engine.state["last_candle_time"]
    engine.pending = [*engine.pending, engine.pending[0] | {"id": "fresh", "decision": 18, "generated_at": now}]
    answer = await client.post(f"/signals/expire-stale?older_than_minutes={minutes}")
    assert answer.json() == {"expired": len(ids), "ids": ids}
    decisions = {"waits": 17, "fresh": 18}
    assert engine.commands == [("expire", {"symbol": "BTCUSDT", "decision": decisions[one]}) for one in ids]


async def test_settings_change_and_are_kept(client: httpx.AsyncClient, engine: Engine, store: Store) -> None:
    change = {"risk_per_trade": 0.005, "execution_mode": "manual"}
    answer = await client.put("/settings/trading", json=change)
    assert answer.json() == control.SETTINGS | change
    assert engine.commands == [("limits", {"values": change})]
    kept = store.settings().items
    assert [(row["session_id"], row["values"]) for row in kept] == [("s", change)]


async def test_no_change_is_no_command(client: httpx.AsyncClient, engine: Engine, store: Store) -> None:
    assert (await client.put("/settings/trading", json={})).json() == control.SETTINGS
    assert engine.commands == []
    assert store.settings().total == 0


async def test_a_change_that_the_engine_refuses_is_not_kept(
    client: httpx.AsyncClient, engine: Engine, store: Store
) -> None:
    engine.answer = TriplaneError("The session has ended.")
    assert (await client.put("/settings/trading", json={"cooldown_bars": 1})).status_code == 409
    assert store.settings().total == 0


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


async def test_resume_needs_an_acknowledgement(client: httpx.AsyncClient, engine: Engine) -> None:
    engine.state["halt_reason"] = "daily_loss"
    answer = await client.post("/api/sessions/s/resume", json={"acknowledge": True})
    assert answer.status_code == 200
    assert engine.commands == [("resume", {"session_id": "s", "acknowledge": True})]


@pytest.mark.parametrize("path", ["/trades/simulate", "/trades/reset"])
@pytest.mark.parametrize("mode", ["testnet", "live"])
async def test_play_is_for_paper_only(client: httpx.AsyncClient, engine: Engine, path: str, mode: str) -> None:
    engine.state["mode"] = mode
    body = {"symbol": "BTCUSDT", "side": "buy"} if "simulate" in path else {}
    answer = await client.post(path, json=body)
    assert answer.status_code == 409
    assert answer.json()["message"] == f"This is possible on paper only; the session's mode is {mode}."
    assert engine.commands == []


async def test_the_log_of_decisions(client: httpx.AsyncClient) -> None:
    found = (await client.get("/api/decisions?limit=2")).json()["items"]
    assert [(item["seq"], item["symbol"]) for item in found] == [(698, "BTCUSDT"), (699, "ETHUSDT")]
    found = (await client.get("/api/decisions?limit=2&symbol=ETHUSDT")).json()["items"]
    assert [(item["seq"], item["symbol"]) for item in found] == [(697, "ETHUSDT"), (699, "ETHUSDT")]


async def test_started_session(client: httpx.AsyncClient, app: FastAPI) -> None:
    body = app.openapi()["paths"]["/api/sessions/start"]["post"]["requestBody"]["content"]["application/json"][
        "example"
    ]
    started = (await client.post("/api/sessions/start", json=body)).json()
    expected = control.SESSION | {"id": "s", "symbols": ["BTCUSDT", "ETHUSDT"], "net_pnl": None}
    assert started == expected
