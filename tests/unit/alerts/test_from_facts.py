"""Which facts are told of, and how."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from triplane.alerts.alert import Alert
from triplane.alerts.from_facts import FromFacts
from triplane.alerts.memory import Memory
from triplane.model.facts import (
    Error,
    Fact,
    Fill,
    Order,
    Position,
    RiskAlert,
    Session,
    Signal,
    TakeProfit,
    TpLevels,
    Trade,
)

HEAD: dict[str, Any] = {"session_id": "s", "seq": 1, "time": 0, "symbol": "BTCUSDT", "decision": 4}
FILL = Fill(**HEAD, fill_id="f1", order_id="o1", filled_at=0, leg="entry", side="buy", price="64000.50",
            quantity="0.25", fee="6.4", slippage="0", maker=False, reason=None)  # fmt: skip
BARE = Position(**HEAD, id="p4", side="LONG", status="open", size="0.25", quantity="0.25", entry_price="64000.50",
                entry_time=0, stop_loss=None, take_profits=[], leverage="1")  # fmt: skip
WHOLE = replace(BARE, stop_loss="63500", take_profits=[TakeProfit("65000.0", "0.125"), TakeProfit("1066000", "0.125")])
SIGNAL = Signal(**HEAD, id="g4", agent="ict_blocks", action="enter", signal_type="buy", status="executed",
                confidence=0.5, confidence_level="medium", price=64000.0, entry_price=64000.0, stop_loss=63500.0,
                tp_levels=TpLevels(), position_size=0.25, risk_reward_ratio=2.0, indicators={},
                reasons=["retest", "order block"], generated_at=0)  # fmt: skip
TRADE = Trade(**HEAD, id="p4", position_id="p4", side="LONG", quantity="0.25", entry_time=0, exit_time=0,
              entry_price="64000.50", exit_price="65500.5", pnl="1362.05", fees="12.95", funding="0", slippage="0",
              balance_after="11362.05", r_multiple=2.9, mae=None, mfe=None, exit_reason="break_even", bars_held=12,
              stop_loss="63500")  # fmt: skip
ORDER = Order(**HEAD, order_id="o2", client_order_id="c2", leg="stop", type="stop_market", side="sell", quantity="0.25",
              price=None, trigger_price="63500", requested_price=None, reduce_only=True, created_at=0,
              expires_at=None)  # fmt: skip


@dataclass
class Bench:
    memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.made = FromFacts(self.memory)

    def take(self, *facts: Fact) -> list[Alert]:
        return [alert for fact in facts for alert in self.made.take(fact)]


def told(alerts: list[Alert], least: tuple[str, ...] = ("info", "warning", "critical")) -> list[str]:
    return [alert.title for alert in alerts if alert.severity in least]


def test_an_opened_position_is_told_once_with_the_orders_that_protect_it() -> None:
    bench = Bench()
    assert told(bench.take(SIGNAL, FILL, BARE, WHOLE)) == []

    (alert,) = bench.made.settled()
    assert (alert.kind, alert.severity, alert.tone, alert.title) == (
        "opened",
        "info",
        "neutral",
        "BTCUSDT long opened",
    )
    assert alert.fields == (
        ("Symbol", "BTCUSDT"),
        ("Side", "LONG"),
        ("Entry", "64,000.5"),
        ("Size", "0.25"),
        ("Stop", "63,500"),
        ("Targets", "65,000 (0.125), 1,066,000 (0.125)"),
        ("Reason", "retest; order block"),
    )
    more = replace(FILL, fill_id="f2", seq=9)
    assert told(bench.take(replace(WHOLE, stop_loss="64000"), more, replace(WHOLE, size="0.5"))) == []
    assert bench.made.settled() == []


def test_what_was_told_before_a_restart_is_not_told_again() -> None:
    first = Bench()
    first.take(FILL, WHOLE)
    assert len(first.made.settled()) == 1

    second = Bench(first.memory)
    second.take(replace(FILL, fill_id="f2"), replace(WHOLE, size="0.5"))
    assert second.made.settled() == []
    assert told(second.take(TRADE)) == ["BTCUSDT long closed: +1,362.05 USDT"]
    assert second.memory.open == {}


def test_an_entry_without_a_known_position_waits_for_it() -> None:
    bench = Bench()
    bench.take(FILL)
    assert bench.made.settled() == []
    bench.take(WHOLE)
    assert told(bench.made.settled()) == ["BTCUSDT long opened"]


def test_two_sleeves_on_a_market_are_told_apart() -> None:
    bench = Bench()
    fast = [replace(one, sleeve="fast") for one in (FILL, WHOLE)]
    slow = [replace(FILL, sleeve="slow", fill_id="f2"), replace(WHOLE, sleeve="slow", id="p5", side="SHORT")]
    bench.take(fast[0], slow[0], fast[1], slow[1])
    both = bench.made.settled()
    assert told(both) == ["BTCUSDT:fast long opened", "BTCUSDT:slow short opened"]
    assert {alert.symbol for alert in both} == {"BTCUSDT"}  # targets choose by market
    assert told(bench.take(replace(TRADE, sleeve="fast"))) == ["BTCUSDT:fast long closed: +1,362.05 USDT"]


@pytest.mark.parametrize(
    ("pnl", "tone", "shown"),
    [
        ("1362.05272688", "good", "+1,362.05 USDT"),
        ("-131.6", "bad", "-131.60 USDT"),
        ("0.00012", "good", "+0.00012 USDT"),
        ("0", "neutral", "0.00 USDT"),
    ],
)
def test_a_closed_position_is_told_with_its_result(pnl: str, tone: str, shown: str) -> None:
    (alert,) = Bench().take(replace(TRADE, pnl=pnl))

    assert (alert.kind, alert.severity, alert.tone) == ("closed", "info", tone)
    assert alert.title == f"BTCUSDT long closed: {shown}"
    assert alert.fields == (
        ("Symbol", "BTCUSDT"),
        ("Side", "LONG"),
        ("Entry", "64,000.5"),
        ("Exit", "65,500.5"),
        ("Size", "0.25"),
        ("Stop", "63,500"),
        ("P&L", shown),
        ("R", "+2.90"),
        ("Reason", "stopped out at break-even"),
    )


def test_a_position_that_closes_at_once_is_told_as_opened_first() -> None:
    bench = Bench()
    alerts = bench.take(FILL, WHOLE, replace(WHOLE, status="closed", size="0"), replace(TRADE, r_multiple=None))

    assert told(alerts) == ["BTCUSDT long opened", "BTCUSDT long closed: +1,362.05 USDT"]
    assert dict(alerts[1].fields)["Size"] == "0.25"
    assert dict(alerts[2].fields)["R"] == "–"
    assert bench.made.settled() == []


def test_every_fill_can_be_heard_by_those_who_want_details() -> None:
    (alert,) = Bench().take(replace(FILL, leg="tp1", side="sell"))

    assert (alert.kind, alert.severity, alert.title) == ("fill", "debug", "Sold 0.25 BTCUSDT at 64,000.5.")


def test_a_rejected_order_a_waiting_signal_an_error() -> None:
    bench = Bench()
    alerts = bench.take(
        ORDER,
        replace(ORDER, status="rejected", reason="below_minimum"),
        replace(SIGNAL, status="pending"),
        Error(**HEAD, code="adapter_error", message="The venue does not answer.", severity="CRITICAL"),
        Error(**HEAD, code="operator", message="", severity="INFO"),
        Error(**HEAD, code="feed_gap_remains", message="A gap remains."),
        Error(**HEAD, code="strategy_error", message="ZeroDivisionError", severity="CRITICAL"),
        Error(**HEAD, code="kill_switch", message="Enough.", severity="CRITICAL"),
    )

    assert [(alert.kind, alert.severity, alert.tone, alert.title, alert.text) for alert in alerts] == [
        ("rejected", "warning", "warning", "The stop order of BTCUSDT was rejected.", "below_minimum"),
        ("signal", "info", "warning", "BTCUSDT: a buy signal waits for you",
         "Buy 0.25 BTCUSDT at about 64,000, stop 63,500. It waits for a person."),
        ("error", "critical", "bad", "The venue does not answer.", ""),
        ("error", "info", "neutral", "operator", ""),
        ("error", "warning", "warning", "A gap remains.", ""),
    ]  # fmt: skip
    assert bench.memory.killed == {"s": "Enough."}


def test_a_risk_alert_but_not_the_halt_of_every_symbol() -> None:
    details = {"value": 4.0, "limit": 3.0, "signal_id": "g4"}
    alert = RiskAlert(**HEAD, alert_id="a", severity="WARNING", alert_type="max_open_positions", message="",
                      details=details)  # fmt: skip
    halt = replace(alert, severity="CRITICAL", alert_type="daily_loss", details={"from_state": "SCANNING"})
    found, other = Bench().take(alert, halt, replace(alert, alert_type="foreign_fill", details={}, message="Theirs."))

    assert (found.kind, found.severity, found.tone) == ("risk", "debug", "neutral")  # the daily business of a strategy
    assert found.title == "BTCUSDT: an entry was refused"
    assert found.text == "BTCUSDT: no entry, 4 positions are open, and 3 are allowed."
    assert (other.severity, other.title, other.text) == ("warning", "BTCUSDT: foreign fill", "Theirs.")
    assert replace(found, time=5).same == found.same


def test_a_session_says_whose_its_alerts_are() -> None:
    bench = Bench()
    session = Session(session_id="s", seq=1, time=0, mode="paper", venue="", source="demo", strategy="ict_blocks",
                      strategy_text="", parameters={}, symbols=["BTCUSDT"], base="1m", timeframe="15m",
                      start_balance="10000", started_at=0, settings={})  # fmt: skip

    assert bench.take(session) == []
    assert bench.memory.places == {"s": "PAPER · ict_blocks"}
