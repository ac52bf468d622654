"""What page and API are shown: complete payloads, made of copies, the same live as after a restart."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from triplane.api.schemas import control, market, trading
from triplane.data.clock import SystemClock
from triplane.data.feed import Forming
from triplane.data.generator import demo_instrument, generate
from triplane.data.replay import ReplayFeed
from triplane.engine.eventlog import EventLog
from triplane.engine.live import Engine, open_engine
from triplane.engine.setup import Setup
from triplane.strategies.compiler import compile_strategy
from triplane.strategies.registry import find, source_of

START = 1_735_689_600_000
QUARTER = 900_000

MESSAGES: dict[str, Callable[[Any], Any]] = {
    "market_data": lambda data: market.Candle.model_validate(data["candle"]),
    "zone_update": lambda data: [market.Zone.model_validate(zone) for zone in data["zones"]],
    "marker": market.Marker.model_validate,
    "signal_generated": trading.Signal.model_validate,
    "order_created": trading.Order.model_validate,
    "order_updated": trading.Order.model_validate,
    "position_update": trading.Position.model_validate,
    "position_closed": trading.Trade.model_validate,
    "account_update": trading.Portfolio.model_validate,
    "session_update": control.Status.model_validate,
    "decision": control.Decision.model_validate,
    "risk_alert": lambda data: data["alert_id"],
    "state_change": lambda data: data["to_state"],
}


class Blocks:
    """``ict_blocks`` on 15-minute bars of a generated market."""

    def __init__(self, folder: Path, n: int) -> None:
        self.candles = generate(4, START, n)
        self.spec = find("ict_blocks")
        self.core = compile_strategy(self.spec, source_of("ict_blocks"))
        self.folder = folder
        params = self.spec.resolve({})
        self.setup = Setup("ict_blocks", params, (demo_instrument("BTCUSDT"),), 60_000, QUARTER, source="test")

    def open(self, n: int | None = None) -> Engine:
        return open_engine(
            self.folder,
            self.setup,
            self.core,
            self.spec,
            lambda known: ReplayFeed({"BTCUSDT": self.candles[:n]}, SystemClock(), "max", known),
        )

    def step(self, engine: Engine, first: int, last: int) -> None:
        for i in range(first, last):
            engine.session.feed_candle(0, self.candles, i)


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Blocks:
    return Blocks(tmp_path_factory.mktemp("blocks"), 30_000)


@pytest.fixture(scope="module")
def shown(blocks: Blocks) -> Engine:
    """A session whose replica has seen everything, loudly, candle by candle."""
    engine = blocks.open()
    engine.replica.quiet = False
    engine.replica.log = EventLog(engine.session.id, 0, capacity=200_000)
    blocks.step(engine, 0, len(blocks.candles))
    return engine


def test_every_message_has_the_shape_that_the_page_was_promised(shown: Engine) -> None:
    messages = shown.events.after(0, 10**9)
    assert [m["id"] for m in messages] == list(range(shown.events.first_id, shown.events.last_id + 1))
    for message in messages:
        MESSAGES[message["type"]](message["data"])
        assert message["session_id"] == shown.session.id

    assert {m["type"] for m in messages} >= set(MESSAGES) - {"risk_alert"}  # nothing was refused here


def test_reads_have_the_shape_of_the_api(shown: Engine) -> None:
    checks: list[tuple[type[BaseModel], Any]] = [
        (control.Status, shown.status()),
        (control.SignalCheck, shown.signal_check("BTCUSDT")),
        (market.History, shown.history("BTCUSDT", 500)),
        (market.FeedStatus, shown.feed()),
        (trading.Portfolio, shown.portfolio()),
        (trading.Performance, shown.performance()),
        (trading.EquityCurve, {"points": shown.equity_curve(300)}),
        (control.Decisions, {"items": shown.decisions(50)}),
        (control.Settings, shown.settings()),
    ]
    for model, value in checks:
        model.model_validate(value)
    for trade in shown.replica.trades():
        trading.Trade.model_validate(trade)
    assert len(shown.equity_curve(300)) <= 300
    assert len(shown.replica.trades()) > 5


def test_bars_are_those_of_the_market_with_their_indicators(blocks: Blocks, shown: Engine) -> None:
    candles = shown.history("BTCUSDT", 400)["candles"]
    first = (candles[0]["time"] - START) // 60_000
    minutes = blocks.candles[first : first + 400 * 15].reshape(400, 15)

    assert [c["time"] for c in candles] == minutes["open_time"][:, 0].tolist()
    assert [c["high"] for c in candles] == minutes["high"].max(axis=1).tolist()
    assert [c["close"] for c in candles] == minutes["close"][:, -1].tolist()
    assert np.allclose([c["volume"] for c in candles], minutes["volume"].sum(axis=1))
    assert all(c["is_closed"] and c["indicators"]["ema_trend"] > 0 for c in candles)
    earlier = shown.history("BTCUSDT", 100, candles[0]["time"])
    assert earlier["candles"][-1]["time"] == candles[0]["time"] - QUARTER


def test_zone_updates_add_up_to_the_zones(blocks: Blocks, shown: Engine) -> None:
    known: dict[str, Any] = {}
    for message in shown.events.after(0, 10**9):
        if message["type"] == "zone_update":
            known |= {zone["id"]: zone for zone in message["data"]["zones"]}
    zones = shown.history("BTCUSDT", 2000)["zones"]
    live = {zone["id"]: zone for zone in zones if zone["valid"]}

    assert live == {key: zone for key, zone in known.items() if zone["valid"]}
    assert all(known[zone["id"]] == zone for zone in zones)
    assert {zone["kind"] for zone in known.values()} >= {"OB", "FVG"}
    assert all(zone["price_lo"] < zone["price_hi"] for zone in known.values())
    assert all((zone["ended_time"] is None) == zone["valid"] for zone in known.values())


def test_after_a_restart_everything_is_shown_as_before(blocks: Blocks, shown: Engine) -> None:
    before: list[Any] = [
        shown.status(),
        shown.history("BTCUSDT", 2000),
        shown.portfolio(),
        shown.performance(),
        shown.decisions(500),
        shown.replica.signals(),
        shown.equity_curve(1000),
    ]
    shown.session.close()
    again = blocks.open()
    after: list[Any] = [
        again.status(),
        again.history("BTCUSDT", 2000),
        again.portfolio(),
        again.performance(),
        again.decisions(500),
        again.replica.signals(),
        again.equity_curve(1000),
    ]
    again.session.close()

    assert again.continued
    by_id = [sorted(zones["zones"], key=lambda z: z["id"]) for zones in (before[1], after[1])]
    assert by_id[0] == by_id[1]
    for history in (before[1], after[1]):
        history.pop("zones")
    assert after == before
    assert [m["type"] for m in again.events.after(0, 10)] == ["resync"]  # history is not told message by message


async def test_a_forming_candle_is_shown_and_changes_nothing(world: Any) -> None:
    task = await world.start()
    await world.feed(300)
    await world.feed_until(lambda: world.engine.status()["is_active_trade"])
    replica, state = world.engine.replica, world.engine.session.S.tobytes()
    last = world.engine.events.last_id
    candle = world.candles[world.fed : world.fed + 1].copy()
    candle["close"] += 50.0
    world.hand.queue.put_nowait(Forming(0, candle))
    await world.taken()
    messages = world.engine.events.after(last, 10)

    assert [m["type"] for m in messages] == ["market_data", "position_update"]
    assert messages[0]["data"]["candle"]["is_closed"] is False
    assert messages[0]["data"]["candle"]["close"] == candle["close"][0]
    assert float(messages[1]["data"]["current_price"]) == pytest.approx(candle["close"][0])
    assert world.engine.session.S.tobytes() == state
    assert replica.history("BTCUSDT", 3)["candles"][-1]["is_closed"]
    world.engine.stop()
    await task


def test_the_bar_under_way_is_the_last_candle(blocks: Blocks, tmp_path: Path) -> None:
    part = Blocks(tmp_path, 100)
    engine = part.open()
    engine.replica.quiet = False
    part.step(engine, 0, 97)
    forming = engine.history("BTCUSDT", 10)["candles"][-1]
    minutes = part.candles[90:97]

    assert (forming["time"], forming["is_closed"]) == (START + 6 * QUARTER, False)
    assert (forming["high"], forming["close"]) == (minutes["high"].max(), minutes["close"][-1])
    draft = engine.replica._symbols[0].chart.draft((START + 97 * 60_000, 1.0, 9e9, 0.5, 2.0, 3.0))
    assert (draft["time"], draft["high"], draft["low"], draft["close"]) == (forming["time"], 9e9, 0.5, 2.0)
    gap = np.flatnonzero(part.candles["open_time"] == START + 99 * 60_000)
    engine.session.feed_candle(0, part.candles, int(gap[0]))
    engine.session.close()


def test_a_bar_that_ends_in_a_gap_is_shown_too(tmp_path: Path) -> None:
    part = Blocks(tmp_path, 120)
    engine = part.open()
    part.step(engine, 0, 40)  # the bar from 30 lacks its last five candles
    part.step(engine, 59, 75)
    times = [c["time"] for c in engine.history("BTCUSDT", 10)["candles"]]
    engine.session.close()

    assert times == [START + n * QUARTER for n in (0, 1, 2, 3, 4)]


def test_a_strategy_in_ordinary_python_is_plotted_by_its_attributes(tmp_path: Path) -> None:
    source = tmp_path / "steady.py"
    source.write_text(
        "from triplane.strategies import Enter, PythonStrategy\n"
        "class Steady(PythonStrategy):\n"
        "    name, warmup, plots = 'steady', 3, {'seen': 'seen', 'none': 'missing.deeper'}\n"
        "    def start(self):\n        self.seen = 0\n"
        "    def on_bar(self, bar, view):\n"
        "        self.seen += 1\n"
        "        return Enter(1, stop=bar.close * 0.99) if self.seen == 5 else None\n"
        "STRATEGY = Steady\n"
    )
    spec = find(str(source))
    setup = Setup(str(source), spec.resolve({}), (demo_instrument("BTCUSDT"),), 60_000, 60_000)
    candles = generate(1, START, 20)
    engine = open_engine(
        tmp_path, setup, setup.core(), spec, lambda known: ReplayFeed({"BTCUSDT": candles}, SystemClock(), "max", known)
    )
    asyncio.run(engine.run())
    shown = engine.history("BTCUSDT", 20)["candles"]

    assert [c["indicators"] for c in shown] == [{"seen": n, "none": None} for n in range(1, 21)]
    assert engine.replica.trades()[0]["exit_reason"] == "end"
