"""Each part of the strength of a zone."""

from typing import Any

DOWN = (100.0, 101.0, 98.0, 99.0)
UP = (100.0, 108.0, 98.0, 107.0)  # body 7 of 10
D = [DOWN, UP]
AWAY = (107.0, 109.0, 105.0, 107.0)  # a doji above the zone: starts no block of its own


def test_every_part_of_the_strength(blocks: Any) -> None:
    # The confirming close 107 is 6 above the edge: 3 ATRs of 2, so 3 points. The forming candle has 1.5 times the mean
    # volume before it. Bar 4 leaves a gap over bar 2's high (the gap 101..106 around the confirming candle): 2 points.
    before = (101.0, 101.0, 100.0, 101.0)
    candles = [before, before, DOWN, UP, (107, 112, 106, 111)]
    volumes = [10.0, 30.0, 30.0, 5.0, 5.0]
    z = blocks(candles[:4], volumes=volumes, atr=2.0)[0]
    assert z.parts.tolist() == [3.0, 1.5, 0.0, 0.0, 1.0]
    assert z.strength == 5.5
    z = blocks(candles, volumes=volumes, atr=2.0)[0]
    assert z.parts.tolist() == [3.0, 1.5, 2.0, 0.0, 1.0]
    z = blocks([*candles, AWAY, (106, 106, 101, 106)], volumes=[*volumes, 1.0, 1.0], atr=2.0)[0]
    assert (z.parts[4], z.strength) == (0.0, 6.5)


def test_strength_without_a_warm_atr_or_any_volume(blocks: Any) -> None:
    assert blocks(D, atr=float("nan"))[0].parts.tolist() == [0, 0, 0, 0, 1]
    assert blocks(D, atr=0.0)[0].parts.tolist() == [0, 0, 0, 0, 1]
    assert blocks([AWAY, *D], volumes=[0, 0, 0])[0].parts.tolist()[1] == 0
