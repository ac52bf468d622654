"""Replays keep time, merge symbols, resume, and hand out the forming candle without ever changing the closed ones."""

import numpy as np
import pytest

from triplane.data.candles import Candles
from triplane.data.clock import ManualClock
from triplane.data.feed import CandleBatch, FeedState, FeedStatus, Forming
from triplane.data.generator import DEMO_START_MS, GeneratedMarket, generate
from triplane.data.instruments import Instrument
from triplane.data.replay import GeneratedSource, ReplayFeed, demo_feed, forming
from triplane.errors import BadInput

MINUTE = 60_000
BTC = generate(1, DEMO_START_MS, 300)
ETH = generate(1, DEMO_START_MS, 300, symbol="ETHUSDT")


async def collect(feed, most: int = 10**9) -> list:
    events = []
    async for event in feed:
        events.append(event)
        if len(events) == most:
            break
    return events


def candles_of(events: list, symbol: int) -> Candles:
    return np.concatenate([e.candles[e.which == symbol] for e in events if isinstance(e, CandleBatch)])


def states(events: list) -> list[FeedState]:
    return [e.state for e in events if isinstance(e, FeedStatus)]


async def test_at_full_speed_all_comes_in_few_batches() -> None:
    clock = ManualClock()
    events = await collect(ReplayFeed({"BTCUSDT": BTC}, clock))
    batches = [e for e in events if isinstance(e, CandleBatch)]
    assert len(batches) == 1
    assert len(batches[0]) == 300
    assert np.shares_memory(batches[0].candles, BTC)
    assert states(events) == [FeedState.CONNECTED, FeedState.FINISHED]
    assert clock.monotonic() == 0


async def test_symbols_are_merged_by_time_then_by_order() -> None:
    late = ETH[10:]
    events = await collect(ReplayFeed({"BTCUSDT": BTC, "ETHUSDT": late}, ManualClock()))
    np.testing.assert_array_equal(candles_of(events, 0), BTC)
    np.testing.assert_array_equal(candles_of(events, 1), late)
    which = np.concatenate([e.which for e in events if isinstance(e, CandleBatch)])
    times = np.concatenate([e.candles["open_time"] for e in events if isinstance(e, CandleBatch)])
    keys = list(zip(times.tolist(), which.tolist(), strict=True))
    assert keys == sorted(keys)


async def test_a_paced_candle_comes_when_it_closes() -> None:
    clock = ManualClock()
    feed = ReplayFeed({"BTCUSDT": BTC[:5], "ETHUSDT": ETH[:5]}, clock, speed=120)
    moments = [(clock.monotonic(), len(e)) async for e in feed if isinstance(e, CandleBatch)]
    assert [n for _, n in moments] == [2] * 5
    np.testing.assert_allclose([t for t, _ in moments], [0.5, 1.0, 1.5, 2.0, 2.5], atol=1e-6)


async def test_history_comes_at_once_and_a_gap_takes_its_time() -> None:
    clock = ManualClock()
    candles = np.delete(BTC[:20], range(12, 17))
    feed = ReplayFeed({"BTCUSDT": candles}, clock, 60, instant_until_ms=DEMO_START_MS + 10 * MINUTE)
    seen = [(round(clock.monotonic(), 6), e) async for e in feed if not isinstance(e, Forming)]
    assert [(t, len(e)) for t, e in seen if isinstance(e, CandleBatch)] == [
        (0, 10), (1, 1), (2, 1), (8, 1), (9, 1), (10, 1),
    ]  # fmt: skip
    assert states([e for _, e in seen]) == [FeedState.CONNECTED, FeedState.LIVE, FeedState.FINISHED]
    assert (
        next(e.time_ms for _, e in seen if isinstance(e, FeedStatus) and e.state == "live") == candles["open_time"][10]
    )


async def test_resuming_gives_exactly_the_rest() -> None:
    sources = {"BTCUSDT": BTC, "ETHUSDT": ETH}
    known = {"BTCUSDT": int(BTC["open_time"][150]), "ETHUSDT": int(ETH["open_time"][149])}
    events = await collect(ReplayFeed(sources, ManualClock(), start_after=known))
    np.testing.assert_array_equal(candles_of(events, 0), BTC[151:])
    np.testing.assert_array_equal(candles_of(events, 1), ETH[150:])


async def test_the_forming_candle_grows_into_the_closed_one() -> None:
    events = await collect(ReplayFeed({"BTCUSDT": BTC[:3]}, ManualClock(), speed=15))
    closed = {int(e.candles["open_time"][0]): e.candles[0] for e in events if isinstance(e, CandleBatch)}
    updates = [e.candle[0] for e in events if isinstance(e, Forming)]
    assert len(updates) == 3 * 8
    for update in updates:
        final = closed[int(update["open_time"])]
        assert final["low"] <= update["low"] <= update["close"] <= update["high"] <= final["high"]
        assert update["open"] == final["open"]
        assert update["volume"] <= final["volume"]


def test_a_forming_candle_ends_as_the_candle() -> None:
    for candle in BTC[:50]:
        assert forming(candle, 1.0)[0] == candle
        start = forming(candle, 0.0)[0]
        assert start["high"] == start["low"] == start["close"] == candle["open"]


async def test_history_on_request() -> None:
    feed = ReplayFeed({"BTCUSDT": BTC}, ManualClock())
    np.testing.assert_array_equal(await feed.history("BTCUSDT", int(BTC["open_time"][100]), 20), BTC[80:100])
    np.testing.assert_array_equal(await feed.history("BTCUSDT", int(BTC["open_time"][5]), 20), BTC[:5])
    with pytest.raises(BadInput, match="'X' is not in this feed; there is BTCUSDT"):
        await feed.history("X", 0, 1)
    await feed.open()
    await feed.close()


async def test_the_demo_is_endless_and_resumable() -> None:
    clock = ManualClock()
    feed = demo_feed(("BTCUSDT", "ETHUSDT"), clock, seed=1, history=100)
    events = await collect(feed, 60)
    got = candles_of(events, 1)
    np.testing.assert_array_equal(got, ETH[: len(got)])
    assert len(got) > 110
    assert feed.instruments[0].tick_size == GeneratedMarket("BTCUSDT", 1).instrument.tick_size
    again = demo_feed(("BTCUSDT",), clock, seed=1, history=100, start_after={"BTCUSDT": int(BTC["open_time"][119])})
    np.testing.assert_array_equal(candles_of(await collect(again, 20), 0)[:5], BTC[120:125])


async def test_a_demo_with_an_end_finishes() -> None:
    events = await collect(demo_feed(("BTCUSDT",), ManualClock(), seed=1, speed="max", total=300))
    np.testing.assert_array_equal(candles_of(events, 0), BTC)
    assert states(events)[-1] == FeedState.FINISHED


@pytest.mark.parametrize("total", [None, 250])
def test_a_generated_source_reads_like_an_array(total: int | None) -> None:
    source = GeneratedSource(GeneratedMarket("BTCUSDT", 1), total)
    whole = BTC[:total]
    for at in (0, 1, 99, 249, 290):
        time = int(BTC["open_time"][at])
        np.testing.assert_array_equal(source.before(time + 1, 30), whole[whole["open_time"] <= time][-30:])
        np.testing.assert_array_equal(next(source.after(time), BTC[:0])[:5], whole[at + 1 : at + 6])
    assert len(source.before(0, 5)) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (({}, ManualClock()), "at least one symbol"),
        (({"BTCUSDT": BTC}, ManualClock(), 0), "speed must be positive or 'max', not 0"),
        (({"A": BTC, "B": generate(1, DEMO_START_MS, 9, 900_000)}, ManualClock()), "one length"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        ReplayFeed(*arguments)


def test_rules_come_with_the_symbol_or_are_those_of_research() -> None:
    rules = GeneratedMarket("BTCUSDT", 1).instrument
    feed = ReplayFeed({"BTCUSDT": BTC, "ETHUSDT": ETH}, ManualClock(), instruments={"BTCUSDT": rules})
    assert feed.instruments == (rules, Instrument.research("ETHUSDT"))
    assert feed.interval_ms == MINUTE
