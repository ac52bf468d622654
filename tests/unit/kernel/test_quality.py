"""Bad and missing candles stop entries."""

from triplane.kernel.codes import Check
from triplane.strategies.base import Enter

FLAT = (100.0, 100.0, 100.0, 100.0)
LONG = Enter(1, stop=95.0, targets=[110.0])


def rejected(run):
    return [Check.labels[r["check"]] for r in run.of("reject")]


def test_bad_data_stops_entries(play, candles):
    impossible = (100.0, 99.0, 101.0, 100.0)
    run = play(candles([FLAT, impossible, FLAT]), {1: LONG}, quantity=None)

    assert rejected(run) == ["data_quality"]


def test_missing_candles_stop_entries(play, candles):
    times = [i * 60_000 for i in (0, 1, 2, 3, 9, 10)]
    run = play(candles([FLAT] * 6, times), {4: LONG}, quantity=None)

    assert rejected(run) == ["data_quality"]
