"""Each mishap of a live stream, one at a time."""

import numpy as np

from triplane.data.candles import Candles
from triplane.data.sequencer import MEMORY, Range, Sequencer
from triplane.kernel.records import CANDLE


def candle(*minutes: int, close: float = 1.0) -> Candles:
    candles = np.zeros(len(minutes), dtype=CANDLE)
    candles["open_time"] = 60_000 * np.array(minutes)
    candles["close"] = close
    return candles


def minutes(candles: Candles) -> list[int]:
    return (candles["open_time"] // 60_000).tolist()


def test_in_order_they_pass_at_once() -> None:
    sequencer = Sequencer(60_000)
    assert sequencer.next_ms is None
    assert minutes(sequencer.push(candle(5)).candles) == [5]
    assert minutes(sequencer.push(candle(6, 7)).candles) == [6, 7]
    assert sequencer.next_ms == 8 * 60_000


def test_a_gap_is_held_and_repaired() -> None:
    sequencer = Sequencer(60_000, last_ms=4 * 60_000)
    assert minutes(sequencer.push(candle(8, 10)).candles) == []
    asked = Range(5 * 60_000, 7 * 60_000)
    assert minutes(sequencer.fill(asked, candle(5, 6, 7)).candles) == [5, 6, 7, 8]
    assert minutes(sequencer.push(candle(9)).candles) == [9, 10]


def test_what_does_not_exist_is_passed_over() -> None:
    sequencer = Sequencer(60_000, last_ms=0)
    sequencer.push(candle(5))
    result = sequencer.fill(Range(60_000, 4 * 60_000), candle(3))
    assert minutes(result.candles) == [3, 5]
    assert result.absent == [60_000, 120_000, 240_000]


def test_repeats_are_counted_and_changes_are_reported() -> None:
    sequencer = Sequencer(60_000, last_ms=0)
    sequencer.push(candle(1))
    assert sequencer.push(candle(1)).duplicates == 1
    again = sequencer.push(candle(1, close=2.0))
    assert again.conflicts == [60_000]
    assert len(again.candles) == 0


def test_of_two_words_on_a_waiting_candle_the_later_counts() -> None:
    sequencer = Sequencer(60_000, last_ms=0)
    sequencer.push(candle(2))
    assert sequencer.push(candle(2, close=7.0)).conflicts == [120_000]
    assert sequencer.push(candle(1)).candles["close"].tolist() == [1.0, 7.0]


def test_before_its_memory_it_can_only_say_late() -> None:
    sequencer = Sequencer(60_000, last_ms=1000 * 60_000)
    assert sequencer.push(candle(3)).late == [180_000]
    sequencer.push(candle(*range(1001, 1002 + MEMORY)))
    assert sequencer.push(candle(1001)).late == [1001 * 60_000]
    assert sequencer.push(candle(1002)).duplicates == 1


def test_a_candle_off_the_grid_is_refused() -> None:
    sequencer = Sequencer(60_000, last_ms=0)
    off = candle(1)
    off["open_time"] += 30_000
    result = sequencer.push(off)
    assert result.misaligned == [90_000]
    assert len(result.candles) == 0


def test_what_came_is_kept_though_the_caller_uses_its_array_again() -> None:
    sequencer = Sequencer(60_000, last_ms=0)
    buffer = candle(2, close=5.0)
    sequencer.push(buffer)
    buffer["close"] = 99.0
    assert sequencer.push(candle(1)).candles["close"].tolist() == [1.0, 5.0]
