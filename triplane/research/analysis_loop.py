"""The compiled loops of :mod:`triplane.research.analysis`: candles in, what was found and what is over out.

Like a strategy's driver, this file is copied to the cache folder before it is used, so that its machine code is found
again at the next start. A log has a fixed size; a loop stops before the candle for which it might be too full, and the
caller empties it. A zone or a level is written once, when it ends; those that live are asked for at the end.
"""

import numpy as np

from triplane.kernel.features import FEATURE_ROW, FEATURES, features_init, features_run
from triplane.kernel.indicators.volatility import ATR, atr_init, atr_step
from triplane.kernel.jit import Arr, Rec, entry, njit, record
from triplane.kernel.patterns.detectors import DETECTORS, detectors_init, detectors_step
from triplane.kernel.patterns.fair_value_gaps import gaps_init
from triplane.kernel.patterns.liquidity import LIQUIDITY, STAIRS, pools_init, pools_live
from triplane.kernel.patterns.order_blocks import blocks_init
from triplane.kernel.patterns.ranges import PERIODS, levels_live, levels_step, range_step
from triplane.kernel.patterns.structure import STRUCTURE_EVENT, structure_init, structure_step
from triplane.kernel.patterns.swings import SWING, swings_init, swings_step
from triplane.kernel.patterns.zones import CAPACITY, ZONE, zones_live
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

ENDED = 4096
EVENTS = 4096
ENDED_MARGIN = 2 * CAPACITY + 16
EVENTS_MARGIN = 2 * STAIRS + 64
LIVE_ZONES = 2 * CAPACITY
LIVE_LEVELS = 2 * STAIRS + 2 * len(PERIODS)

TABLES = {"blocks": ZONE, "gaps": ZONE, "swings": SWING, "breaks": STRUCTURE_EVENT, "levels": LIQUIDITY}
"""What is written, and as which record; pools count as levels."""

LOG = record(
    [
        *((f"n_{name}", "i8") for name in TABLES),
        *((name, kind, (ENDED if kind is ZONE else EVENTS,)) for name, kind in TABLES.items()),
    ]
)
"""Zones and levels that have ended, swings and breaks, in the order of time."""

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
        *((f"{period}_{edge}", "f8") for period in PERIODS for edge in ("high", "low")),
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
def _log_bar(log: Rec, d: Rec) -> None:
    """Write what the candle just taken made known, or brought to its end."""
    for k in range(d.blocks.book.n_retired):
        log.blocks[log.n_blocks] = d.blocks.book.retired[k]
        log.n_blocks += 1
    for k in range(d.gaps.book.n_retired):
        log.gaps[log.n_gaps] = d.gaps.book.retired[k]
        log.n_gaps += 1
    for k in range(d.swings.n_events):
        log.swings[log.n_swings] = d.swings.events[k]
        log.n_swings += 1
    for k in range(d.structure.n_events):
        log.breaks[log.n_breaks] = d.structure.events[k]
        log.n_breaks += 1
    for k in range(d.pools.n_ended):
        log.levels[log.n_levels] = d.pools.ended[k]
        log.n_levels += 1
    for k in range(d.levels.n_ended):
        log.levels[log.n_levels] = d.levels.ended[k]
        log.n_levels += 1


@njit
def _is_full(log: Rec) -> bool:
    """Whether one more candle might not find room."""
    full: bool = (
        max(log.n_blocks, log.n_gaps) > ENDED - ENDED_MARGIN
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
        _log_bar(log, s.detectors)
        s.count += 1
    return len(candles)


@entry
def live(S: Arr, blocks: Arr, gaps: Arr, levels: Arr) -> tuple[int, int, int]:
    """Copy what has not ended (room for :data:`LIVE_ZONES` and :data:`LIVE_LEVELS`); returns the numbers."""
    d = S[0].detectors
    pools = pools_live(d.pools, levels)
    return (
        zones_live(d.blocks.book, blocks),
        zones_live(d.gaps.book, gaps),
        pools + levels_live(d.levels, levels[pools:]),
    )


@entry
def features(candles: Arr, rows: Arr, S: Arr) -> None:
    """Write the indicators after each candle into ``rows`` (:data:`FEATURE_ROW`)."""
    features_init(S[0])
    features_run(S, candles, rows)


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
    live(S, np.zeros(LIVE_ZONES, ZONE), np.zeros(LIVE_ZONES, ZONE), np.zeros(LIVE_LEVELS, LIQUIDITY))
    features(none, np.zeros(0, FEATURE_ROW), np.zeros(1, FEATURES))
    context(S, none, np.zeros(0, CONTEXT_ROW))
    regime(np.zeros(1, REGIME), none, np.zeros(0, np.int64), np.zeros(0), np.zeros((0, SLOTS)))
    bars(none, none, np.zeros(1, AGG), 60_000, 60_000)
