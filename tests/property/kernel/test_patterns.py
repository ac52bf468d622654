"""The detectors against a slow reference, on random walks and real candles; and what must hold of every detector.

A run hands out what a caller sees after each step. Prices of the walks are whole numbers, so that equal highs, exact
touches and closes on an edge come all the time.
"""

import runpy
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triplane.kernel.jit import Arr, njit
from triplane.kernel.patterns.detectors import DETECTORS, detectors_init, detectors_step
from triplane.kernel.patterns.fair_value_gaps import gaps_init
from triplane.kernel.patterns.liquidity import LIQUIDITY, STAIRS, pools_init, pools_live
from triplane.kernel.patterns.order_blocks import blocks_init
from triplane.kernel.patterns.ranges import levels_live
from triplane.kernel.patterns.structure import STRUCTURE_EVENT, structure_init
from triplane.kernel.patterns.swings import SWING, swings_init
from triplane.kernel.patterns.zones import CAPACITY, ZONE, zones_live
from triplane.kernel.records import CANDLE
from triplane.research.analysis import AnalysisParams, analyze, collect

reference = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("patterns_reference.py"))))
DATA = Path(__file__).parents[4] / "shared" / "data" / "klines"

ZONE_FIELDS = (
    "kind", "side", "formed_at", "confirmed_at", "formed_time", "confirmed_time", "price_lo", "price_hi", "touches",
    "first_touched_at", "last_touched_at", "filled_percent", "deepest_at", "mitigated_at", "filled_at", "invalid_at",
    "ended_time", "state", "parts", "strength",
)  # fmt: skip
BREAK_FIELDS = ("kind", "side", "level", "ref_at", "confirmed_at", "block_at")
LEVEL_FIELDS = ("kind", "side", "level", "formed_at", "confirmed_at", "count", "state", "ended_at", "swept_at")
SWING_FIELDS = ("side", "price", "formed_at", "confirmed_at")
PARAMETERS = {"left": 5, "right": 5, "wick": 0, "ratio": 0.7, "touches": 3, "age": 500, "gap": 0.1, "tolerance": 0.1}


@njit
def _keep(out: Arr, n: int, source: Arr, count: int) -> int:
    for k in range(count):
        out[n + k] = source[k]
    return n + count


@njit
def _run(
    state: Arr, candles: Arr, atr: Arr, start: int, stop: int, n: Arr, ranges: Arr,
    swings: Arr, breaks: Arr, blocks: Arr, gaps: Arr, levels: Arr,
) -> None:  # fmt: skip
    """Feed candles and collect what each step reports; ``n`` holds the numbers of rows so far."""
    s = state[0]
    for i in range(start, stop):
        c = candles[i]
        detectors_step(s, i, c.open_time, c.open, c.high, c.low, c.close, c.volume, atr[i])
        n[0] = _keep(swings, n[0], s.swings.events, s.swings.n_events)
        n[1] = _keep(breaks, n[1], s.structure.events, s.structure.n_events)
        n[2] = _keep(blocks, n[2], s.blocks.book.retired, s.blocks.book.n_retired)
        n[3] = _keep(gaps, n[3], s.gaps.book.retired, s.gaps.book.n_retired)
        n[4] = _keep(levels, n[4], s.pools.ended, s.pools.n_ended)
        n[4] = _keep(levels, n[4], s.levels.ended, s.levels.n_ended)
        ranges[i, 0] = s.range.zone
        ranges[i, 1] = s.range.leg
        ranges[i, 2] = s.range.in_ote
        ranges[i, 3] = s.range.position


def new_state(**chosen: float) -> Any:
    """Detectors with these parameters."""
    p: dict[str, Any] = PARAMETERS | chosen
    state = np.zeros(1, DETECTORS)
    detectors_init(state[0])
    swings_init(state[0].swings, p["left"], p["right"])
    structure_init(state[0].structure, p["wick"])
    blocks_init(state[0].blocks, p["ratio"], p["touches"], p["age"], 1)
    gaps_init(state[0].gaps, p["gap"], 0)
    pools_init(state[0].pools, p["tolerance"])
    return state


def taken(copy: Any, source: Any, out: Any) -> Any:
    """Return the rows that ``copy`` takes from ``source``."""
    return out[: copy(source, out)]


def known(state: Any, candles: Any, atr: Any, cuts: tuple[int, ...] = ()) -> dict[str, Any]:
    """Run to the end, through copies of the state's bytes at ``cuts``, and return all that is known by then."""
    size = len(candles)
    n = np.zeros(5, np.int64)
    out = [np.zeros(2 * size + 8, t) for t in (SWING, STRUCTURE_EVENT)]
    out += [np.zeros(4 * size + 8, t) for t in (ZONE, ZONE, LIQUIDITY)]
    ranges = np.zeros((size, 4))
    edges = [0, *sorted(cuts), size]
    for start, stop in pairwise(edges):
        _run(state, candles, atr, start, stop, n, ranges, *out)
        state = np.frombuffer(bytearray(state.tobytes()), DETECTORS)
    rows: Any = [a[:k] for a, k in zip(out, n, strict=True)]
    s = state[0]
    for k, book in ((2, s.blocks.book), (3, s.gaps.book)):
        rows[k] = np.concatenate([rows[k], taken(zones_live, book, np.zeros(2 * CAPACITY, ZONE))])
    pools = taken(pools_live, s.pools, np.zeros(2 * STAIRS, LIQUIDITY))
    rows[4] = np.concatenate([rows[4], pools, taken(levels_live, s.levels, np.zeros(10, LIQUIDITY))])
    names = ("swings", "breaks", "blocks", "gaps", "levels")
    return dict(zip(names, rows, strict=True)) | {"ranges": ranges}


def table(rows: Any, fields: tuple[str, ...]) -> Any:
    """Rows as sorted tuples of Python values."""
    as_dicts = [r if isinstance(r, dict) else {f: r[f].tolist() for f in fields} for r in rows]
    return sorted(tuple(tuple(r[f]) if f == "parts" else r[f] for f in fields) for r in as_dicts)


def compare(candles: Any, atr: Any, **chosen: float) -> None:
    """Assert that the detectors find exactly what the reference finds."""
    p: dict[str, Any] = PARAMETERS | chosen
    found = known(new_state(**chosen), candles, atr)
    keys = ("open_time", "open", "high", "low", "close", "volume")
    d = {k: candles[name].tolist() for k, name in zip("tohlcv", keys, strict=True)} | {"atr": atr.tolist()}
    swings = reference.find_swings(d, p["left"], p["right"])
    breaks = reference.find_breaks(d, swings, bool(p["wick"]))
    assert table(found["swings"], SWING_FIELDS) == table(swings, SWING_FIELDS)
    assert table(found["breaks"], BREAK_FIELDS) == table(breaks, BREAK_FIELDS)
    blocks = reference.find_blocks(d, breaks, p["ratio"], p["touches"], p["age"], True)
    assert table(found["blocks"], ZONE_FIELDS) == table(blocks, ZONE_FIELDS)
    gaps = reference.find_gaps(d, p["gap"], 0, breaks)
    assert table(found["gaps"], ZONE_FIELDS) == table(gaps, ZONE_FIELDS)
    levels = reference.find_pools(d, swings, p["tolerance"]) + reference.find_levels(d)
    assert table(found["levels"], LEVEL_FIELDS) == table(levels, LEVEL_FIELDS)
    for i in range(0, len(candles), 7):
        r = reference.find_range(d, swings, i)
        expected = [r["zone"], r["leg"], r["in_ote"], r["position"]]
        np.testing.assert_array_equal(found["ranges"][i], expected)


def walk(seed: int, n: int, minutes: int = 15, jump: float = 0.2, start: int = 1000) -> tuple[Any, Any]:
    """Make a walk in whole numbers that opens away from the last close now and then; and its (simple) ATR."""
    rng = np.random.default_rng(seed)
    candles = np.zeros(n, CANDLE)
    close = start
    for i in range(n):
        if rng.random() < jump:
            close += int(rng.integers(-6, 7))
        open_ = close
        close = max(open_ + int(rng.integers(-6, 7)), 20)
        high = max(open_, close) + int(rng.integers(0, 4))
        low = min(open_, close) - int(rng.integers(0, 4))
        if rng.random() < 0.03:
            open_ = close = high = low
        time = 1_700_000_000_000 // 900_000 * 900_000 + i * minutes * 60_000
        candles[i] = (time, open_, high, low, close, int(rng.integers(0, 50)))
    return candles, average_range(candles)


def average_range(candles: Any, period: int = 14) -> Any:
    """Mean range of the last candles, NaN until there are enough."""
    atr = np.full(len(candles), np.nan)
    spread = candles["high"] - candles["low"]
    for i in range(period - 1, len(candles)):
        atr[i] = spread[i - period + 1 : i + 1].mean()
    return atr


CHOICES = [
    {},
    {"left": 2, "right": 3, "touches": 1, "age": 20, "ratio": 0.5, "gap": 0.0, "tolerance": 0.5},
    {"left": 1, "right": 1, "wick": 1, "touches": 0, "age": 0, "ratio": 0.9, "gap": 0.3, "tolerance": 0.0},
    {"left": 3, "right": 8, "touches": 2, "age": 50, "ratio": 2.0, "tolerance": 2.0},
]


@pytest.mark.parametrize("chosen", CHOICES)
@pytest.mark.parametrize("seed", [1, 2])
def test_walks_equal_the_reference(seed: int, chosen: dict[str, Any]) -> None:
    compare(*walk(seed, 700, minutes=60 if seed == 1 else 15), **chosen)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), n=st.integers(1, 160), chosen=st.sampled_from(CHOICES), jump=st.floats(0, 1))
def test_any_walk_equals_the_reference(seed: int, n: int, chosen: dict[str, Any], jump: float) -> None:
    compare(*walk(seed, n, minutes=180, jump=jump), **chosen)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(2, 300), data=st.data())
def test_what_is_known_at_a_bar_never_changes(seed: int, n: int, data: st.DataObject) -> None:
    candles, atr = walk(seed, n, minutes=120)
    t = data.draw(st.integers(1, n - 1))
    early = known(new_state(), candles[:t], atr[:t])
    late = known(new_state(), candles, atr)
    np.testing.assert_array_equal(early["ranges"], late["ranges"][:t])
    for name, fields in (("swings", SWING_FIELDS), ("breaks", BREAK_FIELDS)):
        then = late[name][late[name]["confirmed_at"] < t]
        assert table(early[name], fields) == table(then, fields)
    stamps = ("first_touched_at", "mitigated_at", "filled_at", "invalid_at")
    fixed = ("kind", "side", "formed_at", "confirmed_at", "price_lo", "price_hi", *stamps)
    for name in ("blocks", "gaps"):
        assert table(early[name], fixed) == table(as_of(late[name], t, stamps), fixed)
    stamped = ("kind", "side", "level", "formed_at", "confirmed_at", "swept_at", "ended_at")
    assert table(early["levels"], stamped) == table(as_of(late["levels"], t, ("swept_at", "ended_at")), stamped)


def as_of(rows: Any, t: int, stamps: tuple[str, ...]) -> Any:
    """Rows confirmed before bar ``t``, with what was stamped later taken back."""
    then = rows[rows["confirmed_at"] < t].copy()
    for stamp in stamps:
        then[stamp][then[stamp] >= t] = -1
    return then


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(2, 300), data=st.data())
def test_saving_and_restoring_changes_nothing(seed: int, n: int, data: st.DataObject) -> None:
    candles, atr = walk(seed, n)
    cuts = tuple(data.draw(st.lists(st.integers(0, n), max_size=4)))
    whole, cut = new_state(), new_state()
    first, second = known(whole, candles, atr), known(cut, candles, atr, cuts)
    for name, rows in first.items():
        assert repr(rows.tolist()) == repr(second[name].tolist())


@pytest.mark.parametrize("seed", [3, 4])
def test_the_tables_of_an_analysis_are_the_whole_history(seed: int) -> None:
    candles, _ = walk(seed, 400)
    collector = collect(AnalysisParams())
    collector.push(candles)
    found = known(new_state(), candles, analyze(candles).columns("features")["atr14"])
    fields = {"swings": SWING_FIELDS, "breaks": BREAK_FIELDS, "levels": LEVEL_FIELDS}
    for name, rows in collector.tables().items():
        assert len(rows) > 0
        assert table(rows, fields.get(name, ZONE_FIELDS)) == table(found[name], fields.get(name, ZONE_FIELDS))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 300))
def test_the_books_stay_in_order(seed: int, n: int) -> None:
    candles, atr = walk(seed, n)
    state = new_state(touches=0, age=0)
    known(state, candles, atr)
    for book in (state[0].blocks.book, state[0].gaps.book):
        for side in book.sides:
            live = side.slot[: side.count]
            assert sorted(side.slot.tolist()) == list(range(len(side.slot)))
            assert (np.diff(side.near[: side.count]) >= 0).all()
            prices = side.zones["price_hi"][live] if side.sign > 0 else -side.zones["price_lo"][live]
            assert prices.tolist() == side.near[: side.count].tolist()
            by_age, slot = [], int(side.oldest)
            while slot >= 0:
                by_age.append(slot)
                slot = int(side.newer[slot])
            assert sorted(by_age) == sorted(live.tolist())
            assert (np.diff(side.zones["serial"][by_age]) > 0).all()


@pytest.mark.parametrize("name", ["spot/BTCUSDT-15m", "spot/ETHUSDT-1h", "spot/BTCUSDT-1m"])
def test_real_candles_equal_the_reference(name: str) -> None:
    path = DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip("no recorded candles beside the repository")
    columns = pq.read_table(path, columns=list(CANDLE.names or ())).slice(4000, 2500)
    candles = np.zeros(len(columns), CANDLE)
    for field in CANDLE.names or ():
        candles[field] = columns[field].to_numpy()
    compare(candles, average_range(candles))
