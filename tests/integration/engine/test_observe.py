"""What the facts of a real session add up to on the page: bars, zones, markers, figures; the same after a restart."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration.engine.conftest import HEARD, START, Engine, Fold
from triplane.data.clock import SystemClock
from triplane.data.feed import Forming
from triplane.data.generator import demo_instrument, generate
from triplane.data.replay import ReplayFeed
from triplane.engine.opening import Options, open_runner
from triplane.engine.setup import Setup
from triplane.model.facts import Features, RawSignal, Signal, Structure, Trade, Zone
from triplane.model.live import ENCODER, FROM_ENGINE
from triplane.strategies.compiler import compile_strategy
from triplane.strategies.registry import find, source_of

QUARTER = 900_000


class Market:
    """A strategy on 15-minute bars of a generated market."""

    def __init__(self, folder: Path, n: int, strategy: str = "ict_blocks") -> None:
        self.candles = generate(4, START, n)
        self.spec = find(strategy)
        self.core = compile_strategy(self.spec, source_of(strategy))
        self.folder = folder
        params = self.spec.resolve({})
        self.setup = Setup(strategy, params, (demo_instrument("BTCUSDT"),), 60_000, QUARTER, source="test")

    def open(self) -> Engine:
        fold = Fold()
        opened = open_runner(
            self.folder,
            self.setup,
            self.core,
            lambda known: ReplayFeed({"BTCUSDT": self.candles}, SystemClock(), "max", known),
            options=Options(facts=False, consumers=[fold]),
        )
        return Engine(opened, fold)

    def step(self, engine: Engine, first: int, last: int) -> None:
        for i in range(first, last):
            engine.session.feed_candle(0, self.candles, i)


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return Market(tmp_path_factory.mktemp("blocks"), 30_000)


@pytest.fixture(scope="module")
def shown(blocks: Market) -> Engine:
    """A session that has seen everything, candle by candle."""
    engine = blocks.open()
    blocks.step(engine, 0, len(blocks.candles))
    return engine


def test_every_fact_survives_the_wire(shown: Engine) -> None:
    assert shown.told(Trade)
    assert shown.told(Zone)
    for fact in shown.fold.facts:
        assert FROM_ENGINE.decode(ENCODER.encode(fact)) == fact


def test_bars_are_those_of_the_market_with_their_indicators(blocks: Market, shown: Engine) -> None:
    candles = shown.replica.history("BTCUSDT", 400).candles
    first = (candles[0].time - START) // 60_000
    minutes = blocks.candles[first : first + 400 * 15].reshape(400, 15)

    assert [c.time for c in candles] == minutes["open_time"][:, 0].tolist()
    assert [c.high for c in candles] == minutes["high"].max(axis=1).tolist()
    assert [c.close for c in candles] == minutes["close"][:, -1].tolist()
    assert np.allclose([c.volume for c in candles], minutes["volume"].sum(axis=1))
    assert all(c.is_closed and (c.indicators["ema_trend"] or 0) > 0 for c in candles)
    earlier = shown.replica.history("BTCUSDT", 100, candles[0].time)
    assert earlier.candles[-1].time == candles[0].time - QUARTER


def test_features_are_those_of_the_bars(blocks: Market, shown: Engine) -> None:
    features = shown.told(Features)
    closes = blocks.candles["close"][14::15]
    ema = closes[:20].mean()
    for close in closes[20:400]:
        ema += (close - ema) * 2 / 21
    assert [f.ts for f in features] == (START + QUARTER * np.arange(len(closes))).tolist()
    assert features[18].ema20 is None
    assert features[399].ema20 == pytest.approx(ema)
    assert features[0].ema200 is None
    assert 0 <= (features[399].rsi14 or -1) <= 100


def test_zones_add_up(shown: Engine) -> None:
    known: dict[str, Zone] = {}
    ended: set[str] = set()
    for zone in shown.told(Zone):
        assert zone.id not in ended  # what is over does not come back
        known[zone.id] = zone
        if not zone.valid:
            ended.add(zone.id)
    zones = shown.replica.history("BTCUSDT", 2000).zones
    book = shown.session.S["strategy"]["blocks"]["book"]["sides"][0]
    gaps = shown.session.S["strategy"]["gaps"]["book"]["sides"][0]

    assert {z.id for z in zones if z.valid} == {z.id for z in known.values() if z.valid}
    assert sum(z.valid for z in known.values()) == sum(int(s["count"]) for s in (*book, *gaps))
    assert {zone.kind for zone in known.values()} >= {"OB", "FVG"}
    assert all(zone.price_lo < zone.price_hi for zone in known.values())
    assert all((zone.ended_ts is None) == zone.valid for zone in known.values())
    assert all(zone.created_ts <= zone.confirmed_ts for zone in known.values())


def test_after_a_restart_everything_is_shown_as_before(blocks: Market, shown: Engine) -> None:
    def all_of(engine: Engine) -> list[Any]:
        replica = engine.replica
        return [
            replica.status("BTCUSDT", HEARD), replica.history("BTCUSDT", 2000), replica.portfolio(),
            replica.performance(), list(replica.log), list(replica.signals.values()), replica.equity_curve(1000),
        ]  # fmt: skip

    before, facts = all_of(shown), shown.fold.facts
    shown.session.close()
    again = blocks.open()
    assert again.continued
    assert again.fold.facts == facts
    assert all_of(again) == before
    again.session.close()


def test_structure_and_raw_signals_of_a_strategy_that_has_them(tmp_path: Path) -> None:
    market = Market(tmp_path, 20_000, "smc_heuristic")
    engine = market.open()
    market.step(engine, 0, len(market.candles))
    events, raw, signals = engine.told(Structure), engine.told(RawSignal), engine.told(Signal)
    engine.session.close()

    assert {event.kind for event in events} >= {"BOS_UP", "BOS_DN", "CHOCH_UP", "CHOCH_DN", "SWEEP_HIGH", "SWEEP_LOW"}
    bars = {int(time): i for i, time in enumerate(market.candles["open_time"][::15])}
    closes = market.candles["close"][14::15]
    for event in events:
        assert event.ref_ts < event.ts
        if event.kind.endswith("_UP"):
            assert closes[bars[event.ts]] > event.level
        if event.kind.endswith("_DN"):
            assert closes[bars[event.ts]] < event.level
    assert raw
    assert {one.agent for one in raw} == {"smc_heuristic"}
    entered = {s.time for s in signals if s.action == "enter"}
    assert entered <= {one.time for one in raw}
    for one in raw:
        if one.side_hint == "buy":
            assert one.sl_hint < one.entry_hint
        assert all(r > 0 for r in one.tpR)


async def test_a_forming_candle_is_shown_and_changes_nothing(world: Any) -> None:
    task = await world.start()
    engine = world.engine
    await world.feed(300)
    await world.feed_until(lambda: engine.status().is_active_trade)
    heard: list[tuple[int, float]] = []
    engine.runner.on_forming = lambda k, candle: heard.append((k, candle["close"].item(0)))
    state, facts = engine.session.S.tobytes(), len(engine.fold.facts)
    candle = world.candles[world.fed : world.fed + 1].copy()
    candle["close"] += 50.0
    world.hand.queue.put_nowait(Forming(0, candle))
    await world.taken()

    assert heard == [(0, candle["close"].item(0))]
    assert engine.runner.price(0) == candle["close"].item(0)
    assert (engine.session.S.tobytes(), len(engine.fold.facts)) == (state, facts)
    engine.stop()
    await task


def test_the_bar_under_way_is_the_last_candle(tmp_path: Path) -> None:
    part = Market(tmp_path, 100)
    engine = part.open()
    part.step(engine, 0, 97)
    forming = engine.replica.history("BTCUSDT", 10).candles[-1]
    minutes = part.candles[90:97]
    engine.session.close()

    assert (forming.time, forming.is_closed) == (START + 6 * QUARTER, False)
    assert (forming.high, forming.close) == (minutes["high"].max(), minutes["close"][-1])


def test_a_bar_that_ends_in_a_gap_is_shown_too(tmp_path: Path) -> None:
    part = Market(tmp_path, 120)
    engine = part.open()
    part.step(engine, 0, 40)  # the bar from 30 lacks its last five candles
    part.step(engine, 59, 75)
    times = [c.time for c in engine.replica.history("BTCUSDT", 10).candles]
    engine.session.close()

    assert times == [START + n * QUARTER for n in (0, 1, 2, 3, 4)]
    assert [f.ts for f in engine.told(Features)] == times


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
    fold = Fold()
    opened = open_runner(
        tmp_path, setup, setup.core(),
        lambda known: ReplayFeed({"BTCUSDT": candles}, SystemClock(), "max", known),
        options=Options(facts=False, consumers=[fold]),
    )  # fmt: skip
    asyncio.run(opened.runner.run())
    engine = Engine(opened, fold)

    assert [f.plots for f in engine.told(Features)] == [{"seen": n, "none": None} for n in range(1, 21)]
    assert engine.told(Trade)[0].exit_reason == "end"
