"""Whatever a stream does to its candles, the sequence comes out whole."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from triplane.data.candles import Candles
from triplane.data.sequencer import Range, Sequencer
from triplane.kernel.records import CANDLE

MINUTE = 60_000


def series(n: int) -> Candles:
    candles = np.zeros(n, dtype=CANDLE)
    candles["open_time"] = MINUTE * (1 + np.arange(n))
    for k, name in enumerate(("open", "high", "low", "close", "volume")):
        candles[name] = np.arange(n) + k
    return candles


def between(candles: Candles, asked: Range) -> Candles:
    times = candles["open_time"]
    return candles[(times >= asked.first_ms) & (times <= asked.last_ms)]


def gap(sequencer: Sequencer) -> Range | None:
    """From the candle that comes next to the newest that is held back, as a feed asks for it."""
    held = sequencer._early
    return Range(sequencer.next_ms or 0, max(held) - MINUTE) if held else None


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[int, list[int]]:
    """A series, and its candles shuffled by a few places, with repeats."""
    n, horizon = draw(st.integers(1, 40)), draw(st.integers(0, 6))
    delays = draw(st.lists(st.integers(0, horizon), min_size=n, max_size=n))
    delays[0] = 0  # the first one begins the sequence
    order = sorted(range(n), key=lambda i: (i + delays[i], i))
    repeats = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, 8)), max_size=10))
    for number, later in repeats:
        at = order.index(number)
        order.insert(min(at + 1 + later, len(order)), number)
    return n, order


@given(deliveries())
def test_shuffles_and_repeats_need_no_repair(case: tuple[int, list[int]]) -> None:
    n, order = case
    whole = series(n)
    sequencer = Sequencer(MINUTE, last_ms=0)
    out, repeats = [], 0
    for number in order:
        result = sequencer.push(whole[number : number + 1])
        assert [*result.conflicts, *result.late, *result.absent, *result.misaligned] == []
        repeats += result.duplicates
        out.append(result.candles)
    np.testing.assert_array_equal(np.concatenate(out), whole)
    assert repeats == len(order) - n


@given(
    st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.integers(0, n - 1), max_size=60))),
    st.integers(1, 5),
)
def test_losses_are_repaired_exactly(case: tuple[int, list[int]], size: int) -> None:
    """Any candles in any order, some never: with repair the result is the original up to the newest one that came."""
    n, order = case
    whole = series(n)
    sequencer = Sequencer(MINUTE, last_ms=0)
    out = []

    def check(result) -> None:
        assert [*result.conflicts, *result.absent, *result.late] == []
        out.append(result.candles)

    for at in range(0, len(order), size):
        check(sequencer.push(whole[order[at : at + size]]))
        if (asked := gap(sequencer)) is not None:
            check(sequencer.fill(asked, between(whole, asked)))
    assert gap(sequencer) is None
    assert sequencer.next_ms == (max(order, default=-1) + 2) * MINUTE
    got = np.concatenate([whole[:0], *out])
    np.testing.assert_array_equal(got, whole[: len(got)])


@given(st.sets(st.integers(1, 29)), st.sets(st.integers(1, 28)))
def test_what_the_venue_lacks_is_passed_over_once(lost: set[int], nowhere: set[int]) -> None:
    """Candles that do not exist at the venue end a gap instead of stopping the stream for ever."""
    whole = series(30)
    exists = np.array([i not in nowhere for i in range(30)])
    sequencer = Sequencer(MINUTE)
    out, absent = [], []
    for number in (i for i in range(30) if exists[i] and i not in lost):
        results = [sequencer.push(whole[number : number + 1])]
        if (asked := gap(sequencer)) is not None:
            results.append(sequencer.fill(asked, between(whole[exists], asked)))
        assert gap(sequencer) is None
        for result in results:
            out.append(result.candles)
            absent += result.absent
    got = np.concatenate(out)
    np.testing.assert_array_equal(got, whole[exists][: len(got)])
    times = sorted([*got["open_time"].tolist(), *absent])
    assert times == list(range(MINUTE, MINUTE * (len(times) + 1), MINUTE))
