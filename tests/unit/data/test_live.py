"""The live feed against a venue that drops, mutes, repeats, loses, delays and bans, all in virtual time."""

import random
from contextlib import aclosing

import ccxt
import numpy as np
import pytest

from triplane.data.binance import binance_feed
from triplane.data.candles import Candles
from triplane.data.clock import ManualClock
from triplane.data.feed import CandleBatch, FeedEvent, FeedState, FeedStatus, Forming, FundingRate
from triplane.data.generator import DEMO_START_MS
from triplane.data.live import LiveFeed, backoff, in_order, parse_rows
from triplane.errors import BadInput, DataError, TriplaneError

MINUTE = 60_000
BTC = "BTC/USDT:USDT"
BEGIN = 30  # number of the candle that forms at the beginning


def feed_of(venue, **changes) -> LiveFeed:
    symbols = [entry["id"] for entry in venue.markets.values()]
    arguments = {"exchange": venue, "clock": venue.clock, "rng": random.Random(1), **changes}
    return binance_feed(symbols, "1m", **arguments)


async def run(feed: LiveFeed, seconds: float = 0, candles: int = 10**9) -> list[tuple[float, FeedEvent]]:
    """Events with their moments, until so many candles came or an event past a time."""
    clock = feed._clock
    out, got = [], 0
    async with aclosing(feed.__aiter__()) as events:
        async for event in events:
            out.append((clock.monotonic(), event))
            got += len(event) if isinstance(event, CandleBatch) else 0
            if got >= candles or (seconds and clock.monotonic() >= seconds):
                break
    return out


def candles_of(events: list[tuple[float, FeedEvent]], symbol: int = 0) -> Candles:
    return np.concatenate([e.candles[e.which == symbol] for _, e in events if isinstance(e, CandleBatch)])


def states(events: list[tuple[float, FeedEvent]]) -> list[FeedState]:
    return [e.state for _, e in events if isinstance(e, FeedStatus)]


async def test_a_closed_candle_comes_once_and_whole_as_soon_as_the_next_begins(venue) -> None:
    venue.every = 1.0
    events = await run(feed_of(venue), candles=5)
    np.testing.assert_array_equal(candles_of(events), venue.candles[BTC][BEGIN : BEGIN + 5])
    moments = [t for t, e in events if isinstance(e, CandleBatch)]
    assert moments == pytest.approx([43, 103, 163, 223, 283])  # the first one forms for 43 s more
    assert states(events) == [FeedState.CONNECTED, FeedState.LIVE]
    assert [what for _, what, _ in venue.requests] == ["markets", "time", "time", "candles"]


async def test_the_forming_candle_is_shown_but_not_counted(venue) -> None:
    events = await run(feed_of(venue), candles=1)
    forming = [e.candle[0] for _, e in events if isinstance(e, Forming)]
    assert len(forming) == 8
    final = venue.candles[BTC][BEGIN]
    assert all(f["open_time"] == final["open_time"] for f in forming)
    assert all(final["low"] <= f["low"] <= f["high"] <= final["high"] for f in forming)


async def test_it_goes_on_where_a_session_stopped(venue) -> None:
    known = int(venue.candles[BTC]["open_time"][12])
    events = await run(feed_of(venue, start_after={"BTCUSDT": known}), candles=20)
    np.testing.assert_array_equal(candles_of(events), venue.candles[BTC][13:33])
    with pytest.raises(BadInput, match="start_after of BTCUSDT must be a multiple"):
        feed_of(venue, start_after={"BTCUSDT": known + 1})


async def test_history_comes_in_pages_without_the_forming_candle(clock: ManualClock, venue) -> None:
    long = type(venue)(clock, n=3000)
    clock.jump(2500 * MINUTE)
    feed = feed_of(long)
    whole = await feed.history("BTCUSDT", 10**15, 2200)
    np.testing.assert_array_equal(whole, long.candles[BTC][330:2530])
    assert [detail for _, what, detail in long.requests if what == "candles"] == [
        (DEMO_START_MS + 330 * MINUTE, 1000),
        (DEMO_START_MS + 1330 * MINUTE, 1000),
        (DEMO_START_MS + 2330 * MINUTE, 200),
    ]
    some = await feed.history("BTCUSDT", DEMO_START_MS + 100 * MINUTE + 1, 10)
    np.testing.assert_array_equal(some, long.candles[BTC][91:101])
    with pytest.raises(BadInput, match="'ETHUSDT' is not in this feed"):
        await feed.history("ETHUSDT", 0, 1)


async def test_a_lost_candle_is_fetched_when_it_is_overdue(venue) -> None:
    lost = {int(t) for t in venue.candles[BTC]["open_time"][BEGIN + 2 : BEGIN + 4]}
    venue.on_watch = lambda symbol, rows: [r for r in rows if r[0] not in lost]
    events = await run(feed_of(venue), candles=7)
    np.testing.assert_array_equal(candles_of(events), venue.candles[BTC][BEGIN : BEGIN + 7])
    closes = 43 + 60 * np.arange(7) + 0.0
    moments = np.array([t for t, e in events if isinstance(e, CandleBatch) for _ in range(len(e))])
    assert (moments - closes <= 5.0).all()


async def test_repeats_and_old_rows_change_nothing(venue) -> None:
    def mischief(symbol: str, rows: list) -> list:
        now = venue._now()
        if now < BEGIN + 2:
            return rows
        return [*rows, venue.row(symbol, now - 1), *rows, venue.row(symbol, now - 2)][::-1]

    venue.on_watch = mischief
    events = await run(feed_of(venue), candles=6)
    np.testing.assert_array_equal(candles_of(events), venue.candles[BTC][BEGIN : BEGIN + 6])
    assert states(events) == [FeedState.CONNECTED, FeedState.LIVE]


async def test_other_values_for_a_closed_candle_are_reported_not_used(venue) -> None:
    def corrected(symbol: str, rows: list) -> list:
        if rows[-1][0] < venue.candles[BTC]["open_time"][BEGIN + 3]:
            return rows
        old = venue.row(symbol, BEGIN + 1)
        old[5] += 1.0
        return [old, *rows]

    venue.on_watch = corrected
    events = await run(feed_of(venue), candles=4)
    np.testing.assert_array_equal(candles_of(events), venue.candles[BTC][BEGIN : BEGIN + 4])
    assert FeedState.CONFLICT in states(events)


async def test_a_dropped_connection_is_opened_again_and_the_gap_filled(venue) -> None:
    def drops(symbol: str, rows: list) -> None:
        if 50 < venue.clock.monotonic() < 60 or 100 < venue.clock.monotonic() < 400:
            raise ccxt.NetworkError("connection reset")

    venue.on_watch = drops
    events = await run(feed_of(venue), candles=10)
    np.testing.assert_array_equal(candles_of(events), venue.candles[BTC][BEGIN : BEGIN + 10])
    assert [s for s in states(events) if s != FeedState.LIVE][:3] == [
        FeedState.CONNECTED,
        FeedState.RECONNECTING,
        FeedState.RECOVERED,
    ]
    texts = [e.text for _, e in events if isinstance(e, FeedStatus) and e.state == FeedState.RECONNECTING]
    assert "NetworkError: connection reset" in texts[0]
    waits = [float(text.split(" in ")[1].split(" s")[0]) for text in texts]
    for wait, least in zip(waits, [1, 1, 2, 4, 8, 16, 16, 16], strict=False):
        assert least <= wait <= 1.25 * least + 0.05


async def test_an_unfinished_row_kept_from_the_connection_before_is_not_believed(venue) -> None:
    """The library hands out what changed since the last call, even when that was on a connection now gone."""
    venue.every = 4.0
    kept: list = []

    def drops(symbol: str, rows: list) -> list | None:
        if venue.clock.monotonic() == pytest.approx(40.0):
            kept.extend(rows)
            raise ccxt.NetworkError("reset")
        if venue.clock.monotonic() == pytest.approx(44.0):  # the candle closed at 43
            return [*kept, rows[-1]]
        return None

    venue.on_watch = drops
    events = await run(feed_of(venue), candles=4)
    np.testing.assert_array_equal(candles_of(events), venue.candles[BTC][BEGIN : BEGIN + 4])
    assert kept[0][0] == venue.candles[BTC][BEGIN]["open_time"]
    assert kept[0][5] < venue.candles[BTC][BEGIN]["volume"]


async def test_candles_stay_in_time_while_the_stream_is_down(venue) -> None:
    """REST answers, the stream does not: every reconnect catches up, so nothing is older than the longest wait."""
    venue.on_watch = lambda symbol, rows: "mute"
    events = await run(feed_of(venue), candles=6)
    np.testing.assert_array_equal(candles_of(events), venue.candles[BTC][BEGIN : BEGIN + 6])
    late = [
        t - (43 + 60 * i)
        for i, t in enumerate(t for t, e in events if isinstance(e, CandleBatch) for _ in range(len(e)))
    ]
    assert max(late) < 25


async def test_a_mute_stream_is_found_and_replaced(venue) -> None:
    venue.on_watch = lambda symbol, rows: "mute" if venue.sockets_closed == 0 else None
    events = await run(feed_of(venue), candles=3)
    np.testing.assert_array_equal(candles_of(events), venue.candles[BTC][BEGIN : BEGIN + 3])
    assert states(events)[:3] == [FeedState.STALE, FeedState.RECONNECTING, FeedState.CONNECTED]
    first = next(t for t, e in events if isinstance(e, FeedStatus))
    assert first == pytest.approx(10.0)  # the deadline for first data
    assert venue.sockets_closed == 1


async def test_a_stream_that_falls_mute_later_has_the_longer_deadline(venue) -> None:
    venue.on_watch = lambda symbol, rows: "mute" if venue.clock.monotonic() > 61 and not venue.sockets_closed else None
    events = await run(feed_of(venue), candles=5)
    np.testing.assert_array_equal(candles_of(events), venue.candles[BTC][BEGIN : BEGIN + 5])
    stale = next(t for t, e in events if isinstance(e, FeedStatus) and e.state == FeedState.STALE)
    assert stale == pytest.approx(60 + 30 - 17 % 5 + 2, abs=5)


async def test_a_quiet_market_is_not_a_mute_stream(venue) -> None:
    venue.quiet = True
    venue.on_watch = lambda symbol, rows: "mute"
    events = await run(feed_of(venue), seconds=42)
    assert states(events) == [FeedState.CONNECTED, FeedState.LIVE]
    assert venue.sockets_closed == 0


async def test_candles_that_the_venue_lacks_are_passed_over(venue) -> None:
    times = venue.candles[BTC]["open_time"]
    venue.hidden = {int(t) for t in times[BEGIN + 2 : BEGIN + 5]}
    venue.on_watch = lambda symbol, rows: [r for r in rows if r[0] not in venue.hidden]
    events = await run(feed_of(venue), candles=6)
    expected = np.delete(venue.candles[BTC][BEGIN : BEGIN + 9], [2, 3, 4])
    np.testing.assert_array_equal(candles_of(events), expected)
    texts = [e.text for _, e in events if isinstance(e, FeedStatus) and e.state == FeedState.GAP_REMAINS]
    assert texts == ["the venue lacks 3 candles from 2025-01-01 00:32:00"]


async def test_the_clock_that_counts_is_the_venues(venue) -> None:
    venue.skew_ms = -4 * MINUTE - 5_000
    events = await run(feed_of(venue), candles=3)
    np.testing.assert_array_equal(candles_of(events), venue.candles[BTC][26:29])
    venue.clock.jump(-300_000)
    venue.skew_ms += 300_000
    events = await run(feed_of(venue), candles=2)
    assert len(candles_of(events)) == 2


async def test_two_symbols_come_independently(clock: ManualClock, venue) -> None:
    both = type(venue)(clock, ("BTCUSDT", "ETHUSDT"))

    def drops(symbol: str, rows: list) -> None:
        if symbol.startswith("ETH") and 50 < clock.monotonic() < 80:
            raise ccxt.RequestTimeout("timed out")

    both.on_watch = drops
    events = await run(feed_of(both), candles=12)
    for index, name in enumerate((BTC, "ETH/USDT:USDT")):
        got = candles_of(events, index)
        np.testing.assert_array_equal(got, both.candles[name][BEGIN : BEGIN + len(got)])
        assert len(got) >= 5


async def test_nothing_is_sent_while_banned(venue) -> None:
    def drop(symbol: str, rows: list) -> None:
        if 35 < venue.clock.monotonic() < 40.5:
            raise ccxt.NetworkError("reset")

    feed = feed_of(venue)
    venue.on_watch = drop
    venue.on_request = banned_once = _BanOnce(venue)
    events = await run(feed, candles=5)
    np.testing.assert_array_equal(candles_of(events), venue.candles[BTC][BEGIN : BEGIN + 5])
    assert banned_once.at is not None
    sent = [t for t, _, _ in venue.requests if t > banned_once.at]
    assert min(sent) >= banned_once.at + 120


class _BanOnce:
    """Answers the first request after the opening ones with a ban of two minutes."""

    def __init__(self, venue) -> None:
        self.venue, self.at = venue, None

    def __call__(self, what: str) -> None:
        if self.at is None and self.venue.clock.monotonic() > 30:
            self.at = self.venue.clock.monotonic()
            self.venue.last_response_headers = {"retry-after": "120"}
            raise ccxt.DDoSProtection("418 I'm a teapot")


async def test_a_request_without_an_answer_is_given_up(venue) -> None:
    venue.on_request = lambda what: venue.clock.sleep(10_000) if what == "candles" and not venue.requests[4:] else None
    events = await run(feed_of(venue), candles=2)
    np.testing.assert_array_equal(candles_of(events), venue.candles[BTC][BEGIN : BEGIN + 2])
    first = next(e for _, e in events if isinstance(e, FeedStatus))
    assert "no answer within 15 s" in first.text


async def test_a_venue_that_stays_away_is_said_so(venue) -> None:
    def down(what: str) -> None:
        raise ccxt.ExchangeNotAvailable("503\n   <html>")

    venue.on_request = down
    with pytest.raises(TriplaneError, match="the markets could not be loaded: ExchangeNotAvailable: 503 <html>"):
        await feed_of(venue).open()
    assert len(venue.requests) == 6
    venue.on_request = None
    feed = feed_of(venue)
    await feed.open()
    venue.on_request = down
    with pytest.raises(TriplaneError, match="the history of BTCUSDT could not be loaded"):
        await feed.history("BTCUSDT", 10**15, 10)


async def test_malformed_rows_end_the_connection_not_the_feed(venue) -> None:
    bad = [[None, 1, 2, 3, 4, 5], [DEMO_START_MS + 10**10, 1, 2, 3, 4, 5], [1, 2]]
    venue.on_watch = lambda symbol, rows: [bad.pop()] if bad and venue.clock.monotonic() > 20 else rows
    events = await run(feed_of(venue), candles=4)
    np.testing.assert_array_equal(candles_of(events), venue.candles[BTC][BEGIN : BEGIN + 4])
    assert states(events).count(FeedState.RECONNECTING) == 3


async def test_an_unknown_error_of_the_library_is_survived(venue) -> None:
    errors = [KeyError("x"), AttributeError("y")]

    def fails(symbol: str, rows: list) -> None:
        if errors:
            raise errors.pop()

    venue.on_watch = fails
    events = await run(feed_of(venue), candles=2)
    np.testing.assert_array_equal(candles_of(events), venue.candles[BTC][BEGIN : BEGIN + 2])


async def test_closing_closes_the_exchange_even_when_it_complains(venue) -> None:
    feed = feed_of(venue)
    await feed.open()
    await feed.close()
    assert venue.closed
    venue.close = lambda: venue._request("close")
    venue.on_request = lambda what: venue.clock.sleep(1000)
    await feed.close()


@pytest.mark.parametrize("seed", range(6))
async def test_through_any_weather_the_candles_arrive_whole(venue, seed: int) -> None:
    """Drops, mutes, losses, repeats, hung and failing requests at random for three hours, then calm."""
    dice = random.Random(seed)

    def stream(symbol: str, rows: list):
        if venue.clock.monotonic() > 10_800:
            return None
        fate = dice.random()
        if fate < 0.02:
            raise ccxt.NetworkError("reset")
        if fate < 0.03:
            return "mute"
        if fate < 0.10:
            return rows[:-1]
        if fate < 0.20:
            return [*rows, *rows, venue.row(symbol, max(venue._now() - dice.randrange(4), 0))]
        return None

    def request(what: str):
        if venue.clock.monotonic() > 10_800:
            return None
        fate = dice.random()
        if fate < 0.1:
            raise ccxt.RequestTimeout("timed out")
        return venue.clock.sleep(40) if fate < 0.15 else None

    venue.on_watch, venue.on_request = stream, request
    events = await run(feed_of(venue, rng=random.Random(seed)), candles=190)
    np.testing.assert_array_equal(candles_of(events), venue.candles[BTC][BEGIN : BEGIN + len(candles_of(events))])
    assert FeedState.RECONNECTING in states(events)


def test_backoff_doubles_up_to_sixteen_with_jitter() -> None:
    rng = random.Random(3)
    waits = [[backoff(attempt, rng) for _ in range(50)] for attempt in range(7)]
    for row, least in zip(waits, [1, 2, 4, 8, 16, 16, 16], strict=True):
        assert least <= min(row) < max(row) <= 1.25 * least
        assert max(row) > 1.1 * least


def test_rows_are_checked_and_put_in_order() -> None:
    rows = [[120_000, 1, 1, 1, 1, 1], [60_000, 1, 1, 1, 1, 1], [120_000, 2, 2, 2, 2, 2]]
    assert parse_rows(rows)["close"].tolist() == [1.0, 2.0]
    assert len(parse_rows([])) == 0
    assert in_order(parse_rows(rows)[::-1])["open_time"].tolist() == [60_000, 120_000]
    for bad in ([[1, 2]], [[1, 2, 3, 4, 5, 6, 7]], [[None] * 6], [["x", 1, 1, 1, 1, 1]]):
        with pytest.raises(DataError, match="not six numbers"):
            parse_rows(bad)
    with pytest.raises(DataError, match="low must be a positive number"):
        parse_rows([[60_000, 1, 1, 0, 1, 1]])


async def test_fundings_are_told_once_each_as_they_come(venue) -> None:
    """The one of an hour ago when all is loaded, the next soon after it is there; a bad answer does no harm."""
    now = DEMO_START_MS + BEGIN * MINUTE
    venue.every = 20.0
    venue.fundings = [
        {"timestamp": now - 9 * 3_600_000, "fundingRate": 0.9, "info": {}},  # of longer ago than any can be due
        {"timestamp": now - 3_600_000, "fundingRate": 0.0001, "info": {"markPrice": "60000.5"}},
    ]
    feed = feed_of(venue)
    out: list[FundingRate] = []
    async with aclosing(feed.__aiter__()) as events:
        async for event in events:
            if isinstance(event, FundingRate):
                out.append(event)
            if venue.clock.monotonic() > 100 and len(venue.fundings) == 2:
                venue.fundings.append({"timestamp": now + 60_000, "fundingRate": None, "info": {}})
            if venue.clock.monotonic() > 500:
                venue.fundings[2]["fundingRate"] = "-0.0002"
            if venue.clock.monotonic() > 1000:
                break

    assert out == [FundingRate(0, now - 3_600_000, 0.0001, 60000.5), FundingRate(0, now + 60_000, -0.0002, 0.0)]
