"""What a session's facts add up to; and that it does not matter in which pieces they come."""

from typing import Any

import pytest

from triplane.api.replica.session import LOG, SIGNALS, SessionReplica, length_of
from triplane.api.replica.views import EngineState
from triplane.model import facts as f
from triplane.model.live import ENCODER, FeedHealth, Forming

from ..conftest import desk
from ..streams import MINUTE, START, Stream, session_health

OK = EngineState(state="ok", heard_s=0.1, text="")

FREE = {"check": None, "value": None, "limit": None}
"""What the core says when it would take an entry."""


def folded(stream: Stream) -> SessionReplica:
    replica = SessionReplica(stream.facts[0])  # type: ignore[arg-type]
    replica.take(stream.rest)
    return replica


class Said:
    """Remembers what was told."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str | None, int, Any]] = []

    def __call__(self, *told: Any) -> None:
        self.all.append(told)

    @property
    def topics(self) -> list[str]:
        return [topic for topic, *_ in self.all if topic != "facts"]


def test_a_session_before_its_first_candle() -> None:
    replica = SessionReplica(Stream().facts[0])  # type: ignore[arg-type]
    status = replica.status("BTCUSDT", OK)
    assert (status.state, status.can_receive_signals, status.last_candle_time) == ("BOOTSTRAP", False, None)
    portfolio = replica.portfolio()
    assert (portfolio.total_equity, portfolio.time, portfolio.today.since) == ("10000", None, None)
    assert replica.performance().trades == 0
    assert replica.history("ETHUSDT", 10).candles == []
    assert (replica.feed().connected, replica.feed().source) == (False, "demo")
    assert replica.status_text == "interrupted"


def test_where_it_stands() -> None:
    replica = folded(desk())
    btc, eth = replica.status("BTCUSDT", OK), replica.status("ETHUSDT", OK)
    assert (btc.state, btc.is_active_trade, btc.current_position_id, btc.can_receive_signals) == (
        "IN_POSITION", True, "p1", False,
    )  # fmt: skip
    assert (eth.current_order_id, eth.can_receive_signals, eth.data_grade) == ("e1", True, "A")
    assert (btc.last_candle_time, btc.started_at, btc.seq) == (START, START, len(desk().facts))


@pytest.mark.parametrize(
    ("changes", "grade"),
    [({"gates": ["stale_feed"]}, "A"), ({"halted": True, "halt_reason": "drawdown"}, "A"), ({}, "D")],
)
def test_what_keeps_it_from_taking_signals(changes: dict[str, Any], grade: str) -> None:
    stream = desk()
    stream.account(**changes)
    stream.status("SCANNING", "ETHUSDT", data_grade=grade)
    status = folded(stream).status("ETHUSDT", OK)
    assert not status.can_receive_signals
    assert (status.halt_reason, status.gates) == (changes.get("halt_reason"), changes.get("gates", []))


def test_cooling_down_and_ended() -> None:
    stream = desk()
    stream.status("COOLDOWN", cooldown_remaining=3)
    assert folded(stream).status("BTCUSDT", OK).cooldown_remaining == 3
    stream.status("SCANNING", cooldown_remaining=3)
    stream.now += MINUTE
    stream.add(f.SessionEnd, "", decisions_sha256="abc")
    replica = folded(stream)
    status = replica.status("BTCUSDT", OK)
    assert (status.cooldown_remaining, status.finished, status.can_receive_signals) == (0, True, False)
    view = replica.view()
    assert (view.status, view.ended_at, view.decisions_sha256) == ("finished", stream.now, "abc")


def test_an_open_position_at_the_newest_price() -> None:
    stream = desk()
    replica = folded(stream)
    position = replica.portfolio().open_positions[0]
    assert (position.current_price, position.current_pnl, position.margin_ratio) == ("100", "0", 1.0)
    assert position.liquidation_price == "60"
    candle = f.Candle(
        session_id="s", seq=0, time=stream.now, symbol="BTCUSDT", venue="demo", tf="1m", open_time=stream.now,
        open=100, high=100, low=90, close=90.0, volume=1, is_closed=False,
    )  # fmt: skip
    replica.on_forming(Forming(candle=candle))
    position = replica.portfolio().open_positions[0]
    assert (position.current_price, position.current_pnl, position.current_pnl_pct) == ("90", "-5", -10.0)
    assert position.margin_ratio == 0.8
    replica.take([stream.position(side="SHORT")])
    assert replica.portfolio().open_positions[0].current_pnl == "5"
    replica.take([stream.position(status="closed", size="0")])
    assert replica.portfolio().open_positions == []
    replica.on_forming(Forming(candle=msg(candle, symbol="XRPUSDT")))


def msg(candle: f.Candle, **changes: Any) -> f.Candle:
    fields = {name: getattr(candle, name) for name in candle.__struct_fields__}
    return f.Candle(**(fields | changes))


def test_the_account() -> None:
    portfolio = folded(desk()).portfolio()
    assert (portfolio.wallet_balance, portfolio.margin_balance, portfolio.available_balance) == (
        "10000", "10000.5", "9975.5",
    )  # fmt: skip
    assert (portfolio.unrealized_pnl, portfolio.time) == ("0.5", START)
    assert [order.order_id for order in portfolio.pending_orders] == ["stop1", "e1"]
    assert (portfolio.today.pnl, portfolio.today.opened) == ("0.5", 1)


def test_orders_that_are_over_are_not_pending() -> None:
    stream = desk()
    stream.order("e1", symbol="ETHUSDT", status="partially_filled")
    assert len(folded(stream).portfolio().pending_orders) == 2
    stream.order("e1", symbol="ETHUSDT", status="filled")
    stream.order("stop1", "stop", status="cancelled")
    assert folded(stream).portfolio().pending_orders == []


def test_signals_that_wait() -> None:
    stream = desk()
    stream.signal("other", symbol="ETHUSDT")
    stream.signal("waits", "expired", symbol="ETHUSDT")
    assert [signal.id for signal in folded(stream).pending_signals()] == ["other"]


def test_settings_that_were_replaced_count_for_the_checks() -> None:
    stream = desk()
    replica = folded(stream)
    assert replica.signal_check("ETHUSDT", FREE).would_trade
    values = replica.trading.model_dump() | {"max_open_positions": 1}
    replica.take([stream.add(f.Settings, "", values=values)])
    found = replica.signal_check("ETHUSDT", FREE)
    assert not found.would_trade
    assert [check.name for check in found.checks if not check.passed] == ["max_open_positions"]


def test_the_feed_is_as_the_engine_says() -> None:
    stream = desk()
    stream.status("SCANNING", "ETHUSDT", data_grade="C")
    replica = folded(stream)
    replica.health = session_health(stream, feed=FeedHealth(source="demo", connected=True, stale=True, text="Silent."))
    feed = replica.feed()
    assert (feed.connected, feed.stale, feed.text, feed.data_grade) == (True, True, "Silent.", "C")


def test_what_is_told_of_each_fact() -> None:
    stream = Stream()
    said = Said()
    replica = SessionReplica(stream.facts[0])  # type: ignore[arg-type]

    def told(*facts: f.Fact) -> list[str]:
        said.all.clear()
        replica.take(facts, said)
        return said.topics

    assert told(stream.candle()) == ["market_data"]
    assert told(stream.add(f.Features, tf="1m", ts=START)) == ["market_data"]
    assert told(stream.add(f.Features, tf="5m", ts=START)) == []
    assert told(stream.candle(tf="5m")) == []
    assert told(stream.zone()) == ["zone_update"]
    assert told(stream.signal("g", "executed")) == ["signal_generated", "marker", "decision"]
    assert told(stream.order()) == ["order_created"]
    assert told(stream.order(filled_quantity="0.1", status="partially_filled")) == ["order_updated"]
    assert told(stream.fill()) == ["marker", "decision"]
    assert told(stream.order(status="filled")) == ["order_updated"]
    assert told(stream.position()) == ["position_update"]
    assert told(stream.candle()) == ["market_data", "position_update"]
    assert told(stream.position(status="closed")) == []
    assert told(stream.trade()) == ["position_closed", "decision"]
    assert told(stream.account()) == ["account_update"]
    assert told(stream.status()) == ["session_update"]
    assert told(
        stream.add(f.StateChange, from_state="A", to_state="SCANNING", reason="warm", order_id=None, position_id=None)
    ) == ["state_change", "decision"]
    assert told(stream.add(f.Error, "", code="c", message="It went wrong.")) == ["error", "decision"]
    assert (
        told(stream.add(f.Decision, side="buy", size="1", entry=1.0, sl=1.0, tp_ladder=[], risk=f.Risk(1, 1, 1))) == []
    )
    alert = stream.add(f.RiskAlert, alert_id="a", severity="WARNING", alert_type="no_stop", message="", details={})
    assert told(alert) == ["risk_alert"]
    assert said.all[0][3].message == "BTCUSDT: no entry, it has no stop."
    assert told(stream.status(symbol="XRPUSDT"), stream.candle(symbol="XRPUSDT")) == []  # of no symbol of this session
    assert [topic for topic, *_ in said.all] == ["facts", "facts"]


def test_a_halt_shows_before_the_status_says_it() -> None:
    stream = desk()
    stream.add(
        f.StateChange, from_state="IN_POSITION", to_state="HALTED", reason="error", order_id=None, position_id=None
    )
    replica = folded(stream)
    assert replica.status("BTCUSDT", OK).state == "HALTED"
    assert replica.log[-1].text == "BTCUSDT: halted, an error occurred. No entries until resumed."


def test_nothing_grows_without_bound() -> None:
    stream = Stream()
    for number in range(LOG + SIGNALS):
        stream.signal(f"g{number}")
    replica = folded(stream)
    assert (len(replica.log), len(replica.signals)) == (LOG, SIGNALS)
    assert replica.log[-1].seq == stream.facts[-1].seq


def test_lengths() -> None:
    assert [length_of(name) for name in ("1m", "15m", "4h", "1d", "1w")] == [
        MINUTE, 15 * MINUTE, 240 * MINUTE, 1440 * MINUTE, 7 * 1440 * MINUTE,
    ]  # fmt: skip


def test_views_are_made_of_copies() -> None:
    stream = desk()
    replica = folded(stream)
    before = ENCODER.encode([replica.portfolio(), replica.history("BTCUSDT", 10)])
    shown = replica.history("BTCUSDT", 10)
    shown.candles.clear()
    shown.zones.clear()
    replica.portfolio().pending_orders.clear()
    replica.pending_signals().clear()
    assert ENCODER.encode([replica.portfolio(), replica.history("BTCUSDT", 10)]) == before


def test_a_reset_begins_new_figures_and_what_was_simulated_is_in_none() -> None:
    stream = Stream()
    stream.candle()
    stream.account(equity=9_700.0, balance=9_700.0)
    stream.signal("g", "rejected", reject_reason="no_short")
    stream.trade("a", pnl="-300")
    stream.account(halted=True, halt_reason="drawdown", start_balance=9_700.0)  # the venue has said what there is
    counts = folded(stream).performance()
    assert (counts.funnel.check, counts.funnel.trades, len(counts.halts)) == ({"no_short": 1}, 1, 1)
    stream.account(
        epoch=1, start_balance=5_000.0, balance=5_000.0, equity=5_000.0, peak_equity=5_000.0, day_equity=5_000.0
    )
    stream.candle()
    replica = folded(stream)
    figures = replica.performance()
    assert (figures.trades, figures.net_pnl, figures.max_drawdown_pct) == (0, "0", 0.0)
    assert (figures.funnel.signals, figures.funnel.trades, figures.halts, figures.halted_pct) == (0, 0, [], 0.0)
    assert replica.view().net_pnl == "0"
    assert replica.portfolio().today.closed == 0

    stream.trade("b", pnl="-50", simulated=True)
    stream.account(
        epoch=1,
        start_balance=5_000.0,
        simulated=-50.0,
        balance=4_950.0,
        equity=4_950.0,
        peak_equity=5_000.0,
        day_equity=5_000.0,
    )
    stream.candle()
    figures = folded(stream).performance()
    assert (figures.trades, figures.net_pnl, figures.max_drawdown_pct) == (0, "0", 0.0)
    assert folded(stream).portfolio().total_equity == "4950"
