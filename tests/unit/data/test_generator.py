"""The generated market is the same for ever, consistent, and holds what strategies look for."""

import hashlib

import numpy as np
import pytest

from triplane.data.candles import Candles, as_candles
from triplane.data.generator import DEMO_START_MS, GeneratedMarket, demo_instrument, generate
from triplane.data.quality import assess
from triplane.errors import BadInput

MONTH = generate(7, DEMO_START_MS, 30 * 1440)


def ticks(candles: Candles, name: str, size: float = 0.1) -> np.ndarray:
    return np.rint(candles[name] / size).astype(np.int64)


def gaps(candles: Candles) -> int:
    """Fair value gaps of at least 0.1 %, both sides, by their definition."""
    least = 0.001 * candles["close"][1:-1]
    up = candles["low"][2:] - candles["high"][:-2] >= least
    down = candles["low"][:-2] - candles["high"][2:] >= least
    return int(up.sum() + down.sum())


def blocks(candles: Candles) -> int:
    """Displacement candles (body at least 70 % of the range) after a candle the other way."""
    body = candles["close"] - candles["open"]
    strong = np.abs(body) >= 0.7 * (candles["high"] - candles["low"])
    return int((strong[1:] & (np.sign(body[1:]) == -np.sign(body[:-1]))).sum())


def test_the_same_seed_gives_the_same_market_for_ever() -> None:
    """A changed market would break the resumption of sessions that began before: the digest must not change."""
    whole = [ticks(MONTH[:1440], name) for name in ("open", "high", "low", "close")]
    digest = hashlib.sha256(np.ascontiguousarray(whole, dtype="<i8").tobytes()).hexdigest()
    assert digest == "050f6d9686d8da668dd0983a74cb2724406c3180785d07f471b526511eceecdb"
    np.testing.assert_array_equal(generate(7, DEMO_START_MS, 30 * 1440), MONTH)


def test_seeds_and_symbols_differ() -> None:
    for other in (generate(8, DEMO_START_MS, 1440), generate(7, DEMO_START_MS, 1440, symbol="ETHUSDT")):
        a, b = (np.diff(np.log(c["close"])) for c in (MONTH[:1440], other))
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.2
    assert 2000 < generate(7, DEMO_START_MS, 1, symbol="ETHUSDT")["close"][0] < 4000


def test_candles_are_consistent() -> None:
    as_candles(MONTH)
    report = assess(MONTH)
    assert (report.grade, report.gaps, report.impossible) == ("A", (), ())
    for name in ("open", "high", "low", "close"):
        np.testing.assert_array_equal(ticks(MONTH, name) / 10, MONTH[name])
    assert np.abs(ticks(MONTH, "open")[1:] - ticks(MONTH, "close")[:-1]).max() <= 1
    np.testing.assert_array_equal(np.rint(MONTH["volume"] * 1000) / 1000, MONTH["volume"])
    assert MONTH["volume"].min() > 0


def test_returns_look_like_a_market() -> None:
    returns = np.diff(np.log(MONTH["close"]))
    size = np.abs(returns)
    assert 0.0003 < returns.std() < 0.0015
    assert ((returns / returns.std()) ** 4).mean() > 5  # fat tails
    assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.15  # volatility clusters
    assert np.corrcoef(np.abs(np.log(MONTH["close"] / MONTH["open"])), MONTH["volume"])[0, 1] > 0.4


@pytest.mark.parametrize(("interval", "least"), [(60_000, 200), (900_000, 60)])
def test_there_are_order_blocks_and_fair_value_gaps(interval: int, least: int) -> None:
    candles = generate(7, DEMO_START_MS, 30 * 86_400_000 // interval, interval)
    assert gaps(candles) > least
    assert blocks(candles) > least


def test_there_are_sweeps() -> None:
    """A wick past the extreme of the last 45 minutes by at least 0.2 sigma, closed back inside."""
    highs = np.lib.stride_tricks.sliding_window_view(MONTH["high"], 43)[:-2].max(axis=1)
    now = MONTH[44:][: len(highs)]
    swept = (now["high"] > highs * 1.0001) & (now["close"] < highs)
    assert swept.sum() > 30


def test_pumps_come_and_go() -> None:
    """Some 5 % within minutes, which no other move makes, and most of it back within two hours."""
    close = generate(7, DEMO_START_MS, 60 * 1440)["close"]
    risen = np.flatnonzero(close[25:] > 1.045 * close[:-25])
    pumps = {int(at) // 1440: int(at) for at in risen}
    assert 3 <= len(pumps) <= 20
    for at in pumps.values():
        after = close[at : at + 150]
        assert after.min() < after.max() - 0.4 * (after.max() - close[at])


def test_an_unknown_symbol_has_sensible_rules() -> None:
    for symbol in ("FOOUSDT", "BARUSDT", "X"):
        market = GeneratedMarket(symbol, 1)
        price = float(market.candles(0, 1)["close"][0])
        rules = demo_instrument(symbol)
        assert 0.05 < price < 400
        assert 1e-5 < float(rules.tick_size) / price < 2e-3
        assert float(rules.lot_size) * price < 5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": -1}, "seed must be zero or more, not -1"),
        ({"interval_ms": 7}, "interval_ms must be .* 1m, 3m"),
        ({"start_ms": 30_000}, "start_ms must be a multiple"),
    ],
)
def test_bad_parameters_are_named(change: dict, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        GeneratedMarket(**{"symbol": "BTCUSDT", "seed": 1, **change})
    with pytest.raises(BadInput, match="first and n"):
        GeneratedMarket("BTCUSDT", 1).candles(-1, 5)
