"""The compiled loops of :mod:`triplane.research.analysis`: candles in, a log of what became known on each bar out.

Like a strategy's driver, this file is copied to the cache folder before it is used, so that its machine code is found
again at the next start. A log has a fixed size; a loop stops before the candle for which it might be too full, and the
caller empties it. What a zone is born with is written once, when it ends; what grows (touches, filling, an earned
gap) is one short row for each bar on which it grew.
"""

import numpy as np

from triplane.kernel.codes import LiquidityState, ZonePart
from triplane.kernel.features import FEATURE_ROW, FEATURES, features_init, features_row, features_step
from triplane.kernel.indicators.volatility import ATR, atr_init, atr_step
from triplane.kernel.jit import Arr, Rec, entry, njit, record
from triplane.kernel.patterns.detectors import DETECTORS, detectors_init, detectors_step
from triplane.kernel.patterns.fair_value_gaps import gaps_init
from triplane.kernel.patterns.liquidity import LIQUIDITY, STAIRS, pools_init
from triplane.kernel.patterns.order_blocks import blocks_init
from triplane.kernel.patterns.ranges import levels_step, range_step
from triplane.kernel.patterns.structure import STRUCTURE_EVENT, structure_init, structure_step
from triplane.kernel.patterns.swings import SWING, swings_init, swings_step
from triplane.kernel.patterns.zones import CAPACITY, NONE, ZONE, zones_live
from triplane.kernel.records import CANDLE
from triplane.kernel.regime import REGIME, SLOTS, regime_init, regime_run
from triplane.kernel.timeframes import AGG, DONE, LATE, agg_init, agg_push

PARAMS = record(
    [
        ("left", "i8"),
        ("right", "i8"),
        ("break_on", "i8"),
        ("min_body_ratio", "f8"),
        ("max_touches", "i8"),
        ("max_age", "i8"),
        ("breakers", "i8"),
        ("min_gap_percent", "f8"),
        ("max_gap_age", "i8"),
        ("tolerance", "f8"),
    ]
)
"""The parameters of all detectors."""

SERIES = record([("count", "i8"), ("params", PARAMS), ("atr", ATR), ("detectors", DETECTORS)])
"""The state of one series: bars taken so far, and every detector."""

CHANGE = record(
    [
        ("bar", "i8"),
        ("serial", "i8"),
        ("touches", "i8"),
        ("last_touched_at", "i8"),
        ("deepest_at", "i8"),
        ("filled_percent", "f8"),
        ("fvg", "f8"),  # the part of the strength that may be earned one bar late
    ]
)
"""What had grown of a zone after this bar."""

LEVEL_CHANGE = record([("bar", "i8"), ("level", LIQUIDITY)])
"""A pool or level as it was after this bar."""

CHANGES = 8192
ENDED = 4096
EVENTS = 4096
CHANGES_MARGIN = 4 * CAPACITY + 16
ENDED_MARGIN = 2 * CAPACITY + 16
EVENTS_MARGIN = 2 * STAIRS + 64
LIVE_ROOM = 2 * CAPACITY

ZONE_LOG = record([("n_changes", "i8"), ("n_ended", "i8"), ("changes", CHANGE, (CHANGES,)), ("ended", ZONE, (ENDED,))])

LOG = record(
    [
        ("blocks", ZONE_LOG),
        ("gaps", ZONE_LOG),
        ("n_swings", "i8"),
        ("n_breaks", "i8"),
        ("n_levels", "i8"),
        ("swings", SWING, (EVENTS,)),
        ("breaks", STRUCTURE_EVENT, (EVENTS,)),
        ("levels", LEVEL_CHANGE, (EVENTS,)),
    ]
)
"""What became known, in the order of time."""

CONTEXT_ROW = record(
    [
        ("trend", "i8"),
        ("range_high", "f8"),
        ("range_low", "f8"),
        ("range_position", "f8"),
        ("range_zone", "i8"),
        ("range_leg", "i8"),
        ("ote_lo", "f8"),
        ("ote_hi", "f8"),
        ("in_ote", "i8"),
        ("day_high", "f8"),
        ("day_low", "f8"),
        ("week_high", "f8"),
        ("week_low", "f8"),
        ("asia_high", "f8"),
        ("asia_low", "f8"),
        ("london_high", "f8"),
        ("london_low", "f8"),
        ("new_york_high", "f8"),
        ("new_york_low", "f8"),
    ]
)
"""Where price stands after one candle."""


@entry
def init(S: Arr) -> None:
    """Prepare the state of a series; ``params`` are filled in."""
    s = S[0]
    s.count = 0
    atr_init(s.atr, 14)
    p = s.params
    d = s.detectors
    detectors_init(d)
    swings_init(d.swings, p.left, p.right)
    structure_init(d.structure, p.break_on)
    blocks_init(d.blocks, p.min_body_ratio, p.max_touches, p.max_age, p.breakers)
    d.blocks.min_gap_percent = p.min_gap_percent
    gaps_init(d.gaps, p.min_gap_percent, p.max_gap_age)
    pools_init(d.pools, p.tolerance)


@njit
def _log_change(log: Rec, z: Rec, i: int) -> None:
    row = log.changes[log.n_changes]
    log.n_changes += 1
    row.bar = i
    row.serial = z.serial
    row.touches = z.touches
    row.last_touched_at = z.last_touched_at
    row.deepest_at = z.deepest_at
    row.filled_percent = z.filled_percent
    row.fvg = z.parts[ZonePart.FVG]


@njit
def _log_zones(log: Rec, book: Rec, i: int, high: float, low: float) -> None:
    """Write the zones that ended, those that grew among the ones that the candle reached, and the newest."""
    for k in range(book.n_retired):
        z = book.retired[k]
        _log_change(log, z, i)
        log.ended[log.n_ended] = z
        log.n_ended += 1
    for j in range(2):
        b = book.sides[j]
        reach = low if j == 0 else -high
        k = b.count - 1
        while k >= 0 and b.near[k] >= reach:
            z = b.zones[b.slot[k]]
            if z.confirmed_at < i - 1 and i in (z.last_touched_at, z.deepest_at):
                _log_change(log, z, i)
            k -= 1
        slot = b.newest
        while slot != NONE and b.zones[slot].confirmed_at >= i - 1:
            _log_change(log, b.zones[slot], i)
            slot = b.older[slot]


@njit
def _log_level(log: Rec, level: Rec, i: int) -> None:
    row = log.levels[log.n_levels]
    log.n_levels += 1
    row.bar = i
    row.level = level


@njit
def _log_liquidity(log: Rec, d: Rec, i: int) -> None:
    """Write the pools and levels that ended, the pools that a swing joined, and the new ones."""
    for k in range(d.pools.n_ended):
        _log_level(log, d.pools.ended[k], i)
    for k in range(d.swings.n_events):
        b = d.pools.sides[0 if d.swings.events[k].side > 0 else 1]
        top = b.steps[(b.top - 1) & (STAIRS - 1)]
        if top.state == LiquidityState.LIVE and top.confirmed_at < i:
            _log_level(log, top, i)
    for k in range(d.pools.n_new):
        _log_level(log, d.pools.new[k], i)
    # a new level may end on its own bar, and its end is the later news
    for k in range(d.levels.n_new):
        _log_level(log, d.levels.new[k], i)
    for k in range(d.levels.n_ended):
        _log_level(log, d.levels.ended[k], i)


@njit
def _log_bar(log: Rec, d: Rec, i: int, high: float, low: float) -> None:
    """Write what the candle just taken made known."""
    _log_zones(log.blocks, d.blocks.book, i, high, low)
    _log_zones(log.gaps, d.gaps.book, i, high, low)
    for k in range(d.swings.n_events):
        log.swings[log.n_swings] = d.swings.events[k]
        log.n_swings += 1
    for k in range(d.structure.n_events):
        log.breaks[log.n_breaks] = d.structure.events[k]
        log.n_breaks += 1
    if d.swings.n_events + d.pools.n_ended + d.levels.n_new + d.levels.n_ended > 0:
        _log_liquidity(log, d, i)


@njit
def _is_full(log: Rec) -> bool:
    """Whether one more candle might not find room."""
    full: bool = (
        max(log.blocks.n_changes, log.gaps.n_changes) > CHANGES - CHANGES_MARGIN
        or max(log.blocks.n_ended, log.gaps.n_ended) > ENDED - ENDED_MARGIN
        or max(log.n_swings, log.n_breaks, log.n_levels) > EVENTS - EVENTS_MARGIN
    )
    return full


@entry
def run(S: Arr, candles: Arr, out: Arr, start: int) -> int:
    """Take ``candles[start:]`` through all detectors of ``S[0]`` and write to ``out[0]`` (:data:`LOG`).

    Returns the index of the next candle to take: not the end when the log must be emptied first.
    """
    s = S[0]
    log = out[0]
    for n in range(start, len(candles)):
        if _is_full(log):
            return n
        c = candles[n]
        i = s.count
        atr = atr_step(s.atr, c.high, c.low, c.close)
        detectors_step(s.detectors, i, c.open_time, c.open, c.high, c.low, c.close, c.volume, atr)
        _log_bar(log, s.detectors, i, c.high, c.low)
        s.count += 1
    return len(candles)


@entry
def live(S: Arr, blocks: Arr, gaps: Arr) -> tuple[int, int]:
    """Copy the zones that have not ended (room for :data:`LIVE_ROOM` each); returns their numbers."""
    d = S[0].detectors
    return zones_live(d.blocks.book, blocks), zones_live(d.gaps.book, gaps)


@entry
def features(candles: Arr, rows: Arr, S: Arr) -> None:
    """Write the indicators after each candle into ``rows`` (:data:`FEATURE_ROW`)."""
    features_init(S[0])
    for i in range(len(candles)):
        features_step(S[0], candles[i])
        features_row(S[0], rows[i])


@entry
def context(S: Arr, candles: Arr, rows: Arr) -> None:
    """Write trend, range and levels after each candle into ``rows`` (:data:`CONTEXT_ROW`); ``S`` is fresh."""
    d = S[0].detectors
    for i in range(len(candles)):
        c = candles[i]
        swings_step(d.swings, i, c.open_time, c.high, c.low)
        structure_step(d.structure, d.swings, i, c.open_time, c.high, c.low, c.close, c.volume)
        levels_step(d.levels, i, c.open_time, c.high, c.low, c.close)
        range_step(d.range, d.swings, c.close)
        row = rows[i]
        row.trend = d.structure.trend
        row.range_high, row.range_low = d.range.high, d.range.low
        row.range_position, row.range_zone, row.range_leg = d.range.position, d.range.zone, d.range.leg
        row.ote_lo, row.ote_hi, row.in_ote = d.range.ote_lo, d.range.ote_hi, d.range.in_ote
        row.day_high, row.day_low = d.levels.high[0], d.levels.low[0]
        row.week_high, row.week_low = d.levels.high[1], d.levels.low[1]
        row.asia_high, row.asia_low = d.levels.high[2], d.levels.low[2]
        row.london_high, row.london_low = d.levels.high[3], d.levels.low[3]
        row.new_york_high, row.new_york_low = d.levels.high[4], d.levels.low[4]


@entry
def regime(S: Arr, candles: Arr, names: Arr, probabilities: Arr, beliefs: Arr) -> None:
    """Write what the regime filter ``S`` (``REGIME``, with its models) says after each candle; see ``regime_run``."""
    regime_init(S[0])
    regime_run(S, candles, names, probabilities, beliefs)


@entry
def bars(candles: Arr, out: Arr, S: Arr, base_ms: int, timeframe_ms: int) -> int:
    """Gather ``candles`` into longer bars that are over, in ``out`` (as long as ``candles``); returns their number."""
    s = S[0]
    agg_init(s, base_ms, timeframe_ms)
    n = 0
    for i in range(len(candles)):
        known = agg_push(s, candles[i])
        if known & LATE:
            out[n] = s.late
            n += 1
        if known & DONE:
            out[n] = s.bar
            n += 1
    return n


def warm() -> None:
    """Compile every function, or load it from the cache."""
    S, none = np.zeros(1, SERIES), np.zeros(0, CANDLE)
    S["params"]["left"] = S["params"]["right"] = 1
    init(S)
    run(S, none, np.zeros(1, LOG), 0)
    live(S, np.zeros(LIVE_ROOM, ZONE), np.zeros(LIVE_ROOM, ZONE))
    features(none, np.zeros(0, FEATURE_ROW), np.zeros(1, FEATURES))
    context(S, none, np.zeros(0, CONTEXT_ROW))
    regime(np.zeros(1, REGIME), none, np.zeros(0, np.int64), np.zeros(0), np.zeros((0, SLOTS)))
    bars(none, none, np.zeros(1, AGG), 60_000, 60_000)
