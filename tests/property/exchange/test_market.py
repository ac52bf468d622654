"""Trades are made of candles, and candles of trades."""

from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from triplane.data.generator import demo_instrument, generate
from triplane.data.replay import ArraySource
from triplane.exchange.market import INTERVALS, Market, path

START = 1_735_689_600_000
QUICK = settings(max_examples=25, deadline=None)


@QUICK
@given(st.integers(0, 50), st.sampled_from([60_000, 900_000]), st.sampled_from(["BTCUSDT", "DOGEUSDT"]))
def test_the_trades_make_the_candles_again(seed, interval, symbol):
    candles = generate(seed, START, 30, interval, symbol)
    market = Market(demo_instrument(symbol), ArraySource(candles, interval), START + 10 * interval)
    times = []
    while (due := market.due()) is not None:
        times.append(due)
        market.step()
    assert times == sorted(times)
    made = market.klines(next(k for k, v in INTERVALS.items() if v == interval), None, None, 500)
    price, lot = float(market.tick), float(market.lot)
    for column, name in enumerate(("open", "high", "low", "close"), 1):
        np.testing.assert_allclose(made[:, column] * price, candles[name], rtol=1e-12)
    np.testing.assert_allclose(made[:, 5] * lot, candles["volume"], rtol=1e-12)


@given(st.tuples(*[st.integers(1, 10**6)] * 4), st.integers(1, 90))
def test_a_path_stays_in_its_candle_and_touches_all_four_prices(prices, steps):
    o, c = prices[0], prices[3]
    high, low = max(prices), min(prices)
    points = path((o, high, low, c), steps)
    assert (points[0], points[-1], max(points), min(points)) == (o, c, high, low)


@QUICK
@given(st.sampled_from(["3m", "15m", "1h", "4h"]), st.integers(0, 400), st.integers(1, 40))
def test_longer_klines_are_aggregated_ones(interval, skip, limit):
    candles = generate(3, START, 1440)
    market = Market(demo_instrument("BTCUSDT"), ArraySource(candles, 60_000), START + 60_000 * 1000)
    market.now = START + 1440 * 60_000 - 1
    length = INTERVALS[interval]
    expected = generate(3, START, 1440 * 60_000 // length, length)
    first = START + skip * 60_000
    rows = market.klines(interval, first, None, limit)
    wanted = expected[expected["open_time"] >= first][:limit]
    known = wanted[wanted["open_time"] + length <= market.first_ms]
    assert rows[: len(known), 0].tolist() == known["open_time"].tolist()
    np.testing.assert_allclose(rows[: len(known), 4] * 0.1, known["close"], rtol=1e-12)
    np.testing.assert_allclose(rows[: len(known), 2] * 0.1, known["high"], rtol=1e-12)


@QUICK
@given(st.integers(1, 10**7))
def test_the_book_is_ordered_around_the_price_and_a_taker_gets_its_best(ticks):
    market = Market(demo_instrument("BTCUSDT"), ArraySource(generate(1, START, 3), 60_000), START + 60_000)
    market.force(Decimal(ticks) / 10)
    bids, asks = market.book(20)
    prices = [p for p, _ in reversed(bids)] + [p for p, _ in asks]
    assert prices == sorted(set(prices))
    assert min(prices) > 0
    assert asks[0][0] == market.rules.taker(1, market.last) > market.last
    assert bids == [] or bids[0][0] < market.last
