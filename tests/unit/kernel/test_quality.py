"""Bad and missing candles stop entries; a market that really jumps does not."""

import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from triplane.data.generator import GeneratedMarket
from triplane.kernel.codes import Check
from triplane.kernel.jit import njit
from triplane.kernel.quality import CALM, QUALITY, quality_step
from triplane.kernel.records import CANDLE
from triplane.strategies.base import Enter

FLAT = (100.0, 100.0, 100.0, 100.0)
LONG = Enter(1, stop=95.0, targets=[110.0])
MINUTE = 60_000
PUMPS = Path(__file__).parents[4] / "shared/data/pump"
needs_pumps = pytest.mark.skipif(not PUMPS.is_dir(), reason="the recorded pumps are not on this computer")


def rejected(run):
    return [Check.labels[r["check"]] for r in run.of("reject")]


def test_bad_data_stops_entries(play, candles):
    impossible = (100.0, 99.0, 101.0, 100.0)
    run = play(candles([FLAT, impossible, FLAT]), {1: LONG}, quantity=None)

    assert rejected(run) == ["data_quality"]


def test_missing_candles_stop_entries(play, candles):
    times = [i * MINUTE for i in (0, 1, 2, 3, 9, 10)]
    run = play(candles([FLAT] * 6, times), {4: LONG}, quantity=None)

    assert rejected(run) == ["data_quality"]


# ------------------------------------------------------------------------------------------------- jumps and bad prints
@njit
def _grade(states, market, grades):
    for i in range(len(market)):
        grades[i] = quality_step(states[0], market[i], 60_000)


def closed(market):
    """The candles at whose close the gate was closed."""
    grades = np.zeros(len(market), np.int64)
    _grade(np.zeros(1, QUALITY).view(np.recarray), market.view(np.recarray), grades)
    return np.flatnonzero(grades >= 3)


def plant(market, at, kind, factor):
    """A price that nobody traded at, on one candle; nothing else of the market changes."""
    planted = market.copy()
    candle = planted[at]
    far = candle["close"] * factor
    wick = "high" if factor > 1.0 else "low"
    candle[wick] = far
    if kind != "wick":
        candle["close"] = far
    if kind == "no volume":
        candle["volume"] = 0.0
    return planted


@pytest.fixture(scope="module")
def generated():
    return GeneratedMarket("BTCUSDT", seed=5).candles(0, 600)


KINDS = pytest.mark.parametrize("kind", ["close", "wick", "no volume"])


@KINDS
@pytest.mark.parametrize("factor", [0.8, 0.95, 1.05, 1.5, 10.0])
def test_a_bad_print_closes_the_gate_when_the_price_has_come_back(generated, kind, factor):
    assert len(closed(generated)) == 0
    for at in range(50, 550, 23):
        assert closed(plant(generated, at, kind, factor)).tolist() == list(range(at + 1, at + 1 + CALM))


def test_a_second_bad_print_is_one_too(generated):
    market = plant(plant(generated, 300, "close", 3.0), 330, "close", 1.06)
    assert closed(market).tolist() == [*range(301, 311), *range(331, 341)]


def jumped(market, at, factors, volume):
    """A market that goes up by factors of its price on consecutive candles, each with so many times the volume."""
    moved = market.copy()
    for i, factor in enumerate(factors, at):
        for name in ("open", "high", "low", "close"):
            moved[i][name] *= factor
        moved[i]["open"] = moved[i - 1]["close"]
        moved[i]["high"] = max(moved[i]["high"], moved[i]["open"])
        moved[i]["low"] = min(moved[i]["low"], moved[i]["open"])
        moved[i]["volume"] *= volume
    return moved


@pytest.mark.parametrize(
    ("factors", "volume"),
    [
        ([1.5, 1.0, 1.0], 200.0),  # a pump of a minute that falls back to where it began, heavily traded
        ([1.2, 1.6, 2.0, 1.4, 1.1], 50.0),
        ([0.7] * 300, 1.0),  # a new price that stays is a market, however little it is traded
        ([1.3] * 300, 0.0),
    ],
)
def test_a_jump_that_is_traded_or_stays_is_a_market(generated, factors, volume):
    found = closed(jumped(generated, 300, factors, volume))
    quiet = range(309, 600) if volume == 0.0 else ()  # ten candles without volume are a fault of their own
    assert found.tolist() == list(quiet)


def test_the_candle_after_a_jump_may_have_the_volume(generated):
    market = plant(generated, 300, "close", 1.4)
    market[301]["volume"] *= 100.0
    assert len(closed(market)) == 0


def recorded_pumps():
    """Name, minute candles as a venue sends them (those without a trade repeat the close), and index of the pump."""
    tape = pq.read_table(PUMPS / "trades.parquet")
    names = np.array(tape["event_id"].to_pylist())
    times, prices, amounts = (tape[name].to_numpy() for name in ("ts_ms", "price", "amount"))
    with (PUMPS / "events.csv").open() as file:
        events = [row for row in csv.DictReader(file) if row["verdict"] == "pump_at_announced_time"]
    for event in events:
        mine = np.flatnonzero(names == event["event_id"])
        mine = mine[np.argsort(times[mine], kind="stable")]
        minutes = times[mine] // MINUTE
        first = np.flatnonzero(np.diff(minutes, prepend=-1))
        out = np.zeros(minutes[-1] - minutes[0] + 1, CANDLE)
        out["open_time"] = (minutes[0] + np.arange(len(out))) * MINUTE
        traded = np.searchsorted(minutes[first], minutes[0] + np.arange(len(out)), side="right") - 1
        last = np.append(first[1:], len(mine)) - 1
        own = minutes[first][traded] == out["open_time"] // MINUTE
        close = prices[mine][last][traded]
        out["close"] = close
        out["open"] = np.where(own, prices[mine][first][traded], close)
        out["high"] = np.where(own, np.maximum.reduceat(prices[mine], first)[traded], close)
        out["low"] = np.where(own, np.minimum.reduceat(prices[mine], first)[traded], close)
        out["volume"] = np.where(own, np.add.reduceat(amounts[mine], first)[traded], 0.0)
        at = int(event["announced_ms"]) // MINUTE - int(minutes[0])
        yield event["event_id"], out, at


@needs_pumps
def test_no_recorded_pump_closes_the_gate_and_bad_prints_in_the_same_markets_all_do():
    pumps = list(recorded_pumps())
    assert len(pumps) == 23
    planted = 0
    for name, market, at in pumps:
        during = closed(market)
        assert not ((during >= at) & (during <= at + 60)).any(), name
        for where in range(200, at - 100, 401):
            if market["volume"][where : where + 2].max() > market["volume"][where - 100 : where].mean():
                continue  # it was traded, so nobody could tell
            for kind in ("close", "wick", "no volume"):
                assert where + 1 in closed(plant(market, where, kind, 1.3)), (name, kind, where)
                planted += 1
    assert planted > 300
