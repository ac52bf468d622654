"""What lasts is told when it begins and when it is over, once each."""

from typing import Any

import pytest
from msgspec.structs import replace

from triplane.alerts.alert import Alert
from triplane.alerts.conditions import Conditions
from triplane.alerts.memory import Memory
from triplane.model.live import FeedHealth, Health, SessionHealth

LIVE = FeedHealth(source="binance", connected=True, age_s=0.2)
SESSION = SessionHealth(
    session_id="s", status="running", mode="paper", strategy="ict_blocks", symbols=["BTCUSDT", "ETHUSDT"],
    timeframe="15m", speed="live", started_at=0, seq=1, feed=LIVE,
)  # fmt: skip


def health(*sessions: SessionHealth, **fields: Any) -> Health:
    whole: dict[str, Any] = {
        "at": 0, "pid": 1, "started_at": 77, "version": "1", "loop_s": 0.0, "disk_free": 1 << 30, "disk_low": False,
        "memory_mb": 1.0, "kill_switch": False, "kill_reason": None, "sessions": list(sessions),
    }  # fmt: skip
    return Health(**(whole | fields))


class Bench:
    """Conditions on virtual time; health is heard twice a second unless the engine is silent."""

    def __init__(self, memory: Memory | None = None) -> None:
        self.time = 1000.0
        self.memory = Memory() if memory is None else memory
        self.conditions = Conditions(self.memory, lambda: self.time)
        self.told: list[Alert] = []

    def hear(self, message: Health, seconds: float = 0.5) -> list[str]:
        """Hear this for so long; returns what was told."""
        before = len(self.told)
        for _ in range(round(seconds * 2)):
            self.time += 0.5
            self.told += self.conditions.hear(message)
            self.told += self.conditions.look()
        return [alert.title for alert in self.told[before:]]

    def silence(self, seconds: float) -> list[str]:
        before = len(self.told)
        for _ in range(round(seconds * 2)):
            self.time += 0.5
            self.told += self.conditions.look()
        return [alert.title for alert in self.told[before:]]


def test_a_session_is_told_when_it_runs_and_when_it_has_ended() -> None:
    bench = Bench()
    assert bench.hear(health(replace(SESSION, status="loading"))) == []
    assert bench.hear(health(SESSION), 60) == ["A session is running"]
    assert (bench.told[0].severity, bench.told[0].tone) == ("info", "neutral")
    assert bench.told[0].text == "BTCUSDT, ETHUSDT, 15m, binance"
    assert bench.memory.places == {"s": "PAPER · ict_blocks"}
    assert bench.hear(health(replace(SESSION, status="loading")), 5) == []
    assert bench.hear(health(replace(SESSION, status="finished")), 60) == ["A session has ended"]
    assert bench.told[1].where == "PAPER · ict_blocks"


def test_a_session_that_is_not_mentioned_any_more_has_ended_after_a_while() -> None:
    bench = Bench()
    bench.hear(health(replace(SESSION, halted=True, halt_reason="drawdown")))
    assert bench.hear(health(), 29) == []
    assert bench.hear(health(SESSION)) == ["Trading of BTCUSDT, ETHUSDT was resumed"]
    assert bench.hear(health(), 29) == []
    assert bench.hear(health(), 60) == ["A session has ended"]
    assert bench.memory.active == {}


def test_a_halt_is_told_once_for_all_symbols_and_once_when_resumed() -> None:
    bench = Bench()
    bench.hear(health(SESSION))
    halted = replace(SESSION, halted=True, halt_reason="daily_loss")

    assert bench.hear(health(halted), 120) == ["Trading of BTCUSDT, ETHUSDT is halted"]
    alert = bench.told[-1]
    assert (alert.kind, alert.severity, alert.tone) == ("halted", "critical", "bad")
    assert alert.text == "The daily loss limit was reached. No entries until a person resumes."
    assert bench.hear(health(SESSION), 120) == ["Trading of BTCUSDT, ETHUSDT was resumed"]
    alert = bench.told[-1]
    assert (alert.kind, alert.severity, alert.tone) == ("halted", "critical", "good")
    assert bench.hear(health(halted)) == ["Trading of BTCUSDT, ETHUSDT is halted"]
    assert len({alert.same for alert in bench.told}) == len(bench.told)


def test_the_halt_of_a_session_that_has_ended_is_not_told_as_resumed() -> None:
    bench = Bench()
    bench.hear(health(replace(SESSION, halted=True, halt_reason="daily_loss")))

    assert bench.hear(health(replace(SESSION, status="stopped")), 60) == ["A session has ended"]


def test_the_kill_switch_is_told_with_its_reason_and_not_as_a_halt_of_each_session() -> None:
    bench = Bench()
    other = replace(SESSION, session_id="t", symbols=["SOLUSDT"])
    bench.hear(health(SESSION, other))
    killed = [replace(s, halted=True, halt_reason="kill_switch") for s in (SESSION, other)]

    told = bench.hear(health(*killed, kill_switch=True, kill_reason="I do not like it"), 60)
    assert told == ["The kill switch is on"]
    assert (bench.told[-1].kind, bench.told[-1].severity) == ("kill_switch", "critical")
    assert bench.told[-1].text == "I do not like it"
    assert bench.hear(health(SESSION, other), 60) == ["The kill switch is off"]


def test_a_session_that_halts_itself_by_the_kill_switch_says_why() -> None:
    bench = Bench()
    bench.memory.killed["s"] = "5 orders failed within 60 seconds"
    killed = replace(SESSION, halted=True, halt_reason="kill_switch")

    bench.hear(health(SESSION))
    assert bench.hear(health(killed), 60) == ["Trading of BTCUSDT, ETHUSDT is halted"]
    assert bench.told[-1].text == "5 orders failed within 60 seconds. No entries until a person resumes."


def test_a_session_that_was_over_before_is_not_told_of() -> None:
    over = replace(SESSION, status="stopped", halted=True, halt_reason="error", error="OSError")

    assert Bench().hear(health(over), 60) == []


@pytest.mark.parametrize("killed", [False, True])
def test_an_error_is_not_told_as_a_halt_too(killed: bool) -> None:
    bench = Bench()
    raised = replace(SESSION, halted=True, halt_reason="error", error="ZeroDivisionError")
    bench.hear(health(SESSION, kill_switch=killed))

    assert bench.hear(health(raised, kill_switch=killed)) == ["An error in the session of BTCUSDT, ETHUSDT"]


@pytest.mark.parametrize("feed", [replace(LIVE, connected=False, age_s=59.0), replace(LIVE, stale=True, age_s=None)])
def test_market_data_that_is_away_for_half_a_minute(feed: FeedHealth) -> None:
    bench = Bench()
    bench.hear(health(SESSION))

    assert bench.hear(health(replace(SESSION, feed=feed)), 29) == []
    assert bench.hear(health(SESSION)) == []
    assert bench.hear(health(replace(SESSION, feed=feed)), 29) == []
    assert bench.hear(health(replace(SESSION, feed=feed)), 120) == ["No market data for BTCUSDT, ETHUSDT"]
    assert bench.told[-1].text == "Nothing has come from binance for 30 seconds."
    assert bench.hear(health(SESSION), 60) == ["Market data for BTCUSDT, ETHUSDT is back"]


def test_market_data_that_was_away_before_it_was_looked_at() -> None:
    bench = Bench()
    stale = FeedHealth(source="binance", connected=True, stale=True, age_s=31.0, text="Stale since noon.")
    one = replace(SESSION, symbols=["BTCUSDT"], feed=stale)

    assert bench.hear(health(one)) == ["A session is running", "No market data for BTCUSDT"]
    assert bench.told[-1].text == "Stale since noon."
    assert [alert.symbol for alert in bench.told] == ["BTCUSDT", "BTCUSDT"]


def test_a_silent_engine_is_told_once_and_once_when_it_is_back() -> None:
    bench = Bench()
    bench.hear(health(SESSION))

    assert bench.silence(4.5) == []
    assert bench.silence(600) == ["The engine is silent"]
    assert (bench.told[-1].kind, bench.told[-1].severity, bench.told[-1].tone) == ("engine", "critical", "bad")
    assert "5 seconds" in bench.told[-1].text
    assert bench.hear(health(SESSION, started_at=78), 60) == ["The engine is back"]
    assert bench.silence(60) == ["The engine is silent"]


def test_an_engine_that_has_never_been_heard_has_a_minute() -> None:
    bench = Bench()

    assert bench.silence(59.5) == []
    assert bench.silence(0.5) == ["The engine is silent"]


def test_silence_while_this_process_was_held_up_proves_nothing() -> None:
    bench = Bench()
    bench.hear(health(SESSION))
    bench.time += 100

    assert bench.conditions.look() == []
    assert bench.silence(4.5) == []
    assert bench.silence(0.5) == ["The engine is silent"]


def test_a_restart_of_the_engine_that_was_too_quick_to_be_missed_is_told() -> None:
    bench = Bench()
    bench.hear(health(SESSION))

    assert bench.hear(health(SESSION, started_at=78), 10) == ["The engine was restarted"]


def test_nothing_is_told_again_after_a_restart_of_the_alerts() -> None:
    silent = health(replace(SESSION, halted=True, halt_reason="drawdown"), kill_switch=True, disk_low=True)
    first = Bench()
    first.hear(silent)
    first.silence(10)
    assert len(first.told) == 5

    second = Bench(first.memory)
    assert second.silence(100) == []
    assert second.hear(silent, 100) == ["The engine is back"]


def test_an_orderly_end_is_told_and_the_next_start_is_no_restart() -> None:
    bench = Bench()
    bench.hear(health(replace(SESSION, halted=True, halt_reason="drawdown")))
    assert [alert.title for alert in bench.conditions.end()] == ["A session has ended"]

    later = Bench(bench.memory)
    halted = replace(SESSION, halted=True, halt_reason="drawdown")
    assert later.hear(health(halted, started_at=99), 10) == ["A session is running"]


def test_a_strategy_that_raises_is_one_alert_with_its_line() -> None:
    bench = Bench()
    bench.hear(health(SESSION))
    raised = replace(SESSION, halted=True, halt_reason="error", error="ZeroDivisionError: division by zero",
                     error_line="my.py:7: x = 1 / 0")  # fmt: skip

    assert bench.hear(health(raised), 60) == ["An error in the session of BTCUSDT, ETHUSDT"]
    assert bench.told[-1].text == (
        "ZeroDivisionError: division by zero\nmy.py:7: x = 1 / 0\nTrading is halted: no entries until a person resumes."
    )
    assert bench.hear(health(SESSION), 60) == ["The session of BTCUSDT, ETHUSDT is in order again"]


def test_a_session_that_is_seen_first_when_it_has_raised_is_told_to_run_first() -> None:
    raised = replace(SESSION, halted=True, halt_reason="error", error="ZeroDivisionError")

    assert Bench().hear(health(raised)) == ["A session is running", "An error in the session of BTCUSDT, ETHUSDT"]


def test_a_session_that_fails_is_one_alert() -> None:
    bench = Bench()
    bench.hear(health(SESSION))

    told = bench.hear(health(replace(SESSION, status="failed", error="MemoryError")), 60)
    assert told == ["The session of BTCUSDT, ETHUSDT has failed"]


def test_a_full_disk() -> None:
    bench = Bench()

    assert bench.hear(health(disk_low=True, disk_free=50 << 20), 60) == ["The disk is nearly full"]
    assert bench.told[-1].text == "No entries are made (50 MB)."
    assert bench.hear(health(), 60) == ["There is disk space again"]
