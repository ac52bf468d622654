"""The margin monitor: each step towards liquidation is reported once."""

from decimal import Decimal

from harness import SYMBOL

from triplane.execution.monitor import MarginMonitor
from triplane.venues.base import Balance, PositionReport, Snapshot

D = Decimal


def seen(ratio, symbol=SYMBOL):
    position = PositionReport(symbol, D("0.01"), D(50_000), D(50_000), liquidation_price=D(47_000), margin_ratio=ratio)
    return Snapshot(0, (position,) if ratio is not None else (), (), Balance("USDT", D(1), D(1)))


def test_each_step_towards_liquidation_is_said_once():
    monitor = MarginMonitor()
    said = [[f.severity for f in monitor.look(seen(r))] for r in (0.5, 0.249, 0.2, 0.149, 0.1, 0.2, 0.3, 0.24)]
    assert said == [[], ["WARNING"], [], ["CRITICAL"], [], ["WARNING"], [], ["WARNING"]]


def test_a_position_that_is_gone_is_forgotten():
    monitor = MarginMonitor()
    (finding,) = monitor.look(seen(0.1))
    assert "47000" in finding.text
    assert monitor.look(seen(None)) == []
    assert monitor.positions == {}
    assert len(monitor.look(seen(0.1))) == 1


def test_a_ratio_that_is_not_known_says_nothing():
    position = PositionReport(SYMBOL, D("0.01"), D(50_000))
    assert MarginMonitor().look(Snapshot(0, (position,), (), Balance("USDT", D(1), D(1)))) == []
