"""Which part is not as it should be: each is told by its own name, in a sentence that stays while it lasts."""

from typing import Any

import pytest
from msgspec.structs import replace

from triplane.api.faults import faults
from triplane.api.replica.views import EngineState, StoreState
from triplane.api.replica.watch import EngineWatch
from triplane.model.live import FeedHealth, Health, SessionHealth

OK = EngineState(state="ok", heard_s=0.1, text="")
STORED = StoreState(behind=0, age_s=0.0, error=None)
FEED = FeedHealth(source="demo", connected=True, age_s=0.5)
SESSION = SessionHealth(
    session_id="s", status="running", mode="paper", strategy="ema_cross", symbols=["BTCUSDT"], timeframe="15m",
    speed=60.0, started_at=1, seq=1, feed=FEED,
)  # fmt: skip
HEALTH = Health(
    at=1, pid=1, started_at=1, version="1", loop_s=0.0, disk_free=10**12, disk_low=False, memory_mb=1.0,
    kill_switch=False, kill_reason=None, sessions=[SESSION],
)  # fmt: skip


def told(engine: EngineState = OK, store: StoreState = STORED, **changes: Any) -> list[tuple[str, str, str | None]]:
    of_session = {name: changes.pop(name) for name in list(changes) if name in SessionHealth.__struct_fields__}
    health = replace(HEALTH, **{"sessions": [replace(SESSION, **of_session)], **changes})
    return [(fault.name, fault.level, fault.session_id) for fault in faults(engine, health, store)]


def test_nothing_is_told_when_all_is_well() -> None:
    assert told() == []


@pytest.mark.parametrize(("state", "level"), [("starting", "info"), ("silent", "bad"), ("dead", "bad")])
def test_an_engine_that_is_not_heard_is_told_first_and_what_it_said_of_others_no_more(state: str, level: str) -> None:
    engine = EngineState(state=state, heard_s=4.0, text="")
    found = faults(engine, replace(HEALTH, disk_low=True), STORED)
    assert [(fault.name, fault.level, fault.age_s) for fault in found] == [(f"engine_{state}", level, 4.0)]


def test_an_engine_without_a_session_still_compiles() -> None:
    starting = replace(HEALTH, sessions=[], starting=True)
    (fault,) = faults(OK, starting, STORED)
    assert (fault.name, fault.level) == ("engine_starting", "info")
    (fault,) = faults(OK, replace(starting, at=starting.started_at + 61_000), STORED)
    assert (fault.name, fault.level) == ("engine_starting", "bad")
    assert "no position can be closed" in fault.text
    (fault,) = faults(OK, replace(HEALTH, sessions=[], problems=["It could not."]), STORED)
    assert (fault.name, fault.level, fault.text) == ("session_lost", "bad", "It could not.")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "failed", "error": "boom"}, ("session_failed", "bad", "s")),
        ({"error": "boom", "halted": True, "halt_reason": "error"}, ("strategy_error", "bad", "s")),
        ({"halted": True, "halt_reason": "daily_loss"}, ("halted", "bad", "s")),
        ({"kill_switch": True}, ("kill_switch", "bad", None)),
        ({"feed": replace(FEED, stale=True)}, ("feed_stale", "warn", "s")),
        ({"feed": replace(FEED, connected=False)}, ("feed_down", "warn", "s")),
        ({"venue_age_s": 31.0}, ("venue_silent", "warn", "s")),
        ({"reconciled": False}, ("not_reconciled", "warn", "s")),
        ({"journal_behind": 5, "disk_low": True}, ("disk_full", "bad", None)),
        ({"disk_low": True}, ("disk_low", "warn", None)),
    ],
)
def test_each_part_has_its_name(changes: dict[str, Any], expected: tuple[str, str, str | None]) -> None:
    assert told(**changes) == [expected]


def test_a_session_that_is_over_says_no_more_of_its_feed() -> None:
    assert told(status="finished", feed=replace(FEED, connected=False, stale=True), halted=True) == []


def test_the_worst_comes_first() -> None:
    names = [name for name, _, _ in told(disk_low=True, halted=True, halt_reason="drawdown")]
    assert names == ["halted", "disk_low"]


def test_a_halt_says_why() -> None:
    killed = replace(SESSION, halted=True, halt_reason="kill_switch")
    health = replace(HEALTH, kill_switch=True, kill_reason="I saw something.", sessions=[killed])
    (fault,) = faults(OK, health, STORED)
    assert fault.text == "Trading is halted: the kill switch was thrown (I saw something)."
    health = replace(HEALTH, sessions=[replace(SESSION, halted=True, halt_reason="daily_loss")])
    assert faults(OK, health, STORED)[0].text == "Trading is halted: the daily loss limit was reached."


def test_a_strategy_that_raised_is_told_with_its_line() -> None:
    failed = replace(SESSION, error="ValueError: no", error_line="mine.py:7: raise ValueError", halted=True)
    (fault,) = faults(OK, replace(HEALTH, sessions=[failed]), STORED)
    assert fault.detail == "mine.py:7: raise ValueError"
    assert "ValueError: no" in fault.text


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        (StoreState(behind=3, age_s=2.0, error=None), ["store_behind"]),
        (StoreState(behind=20_000, age_s=0.1, error=None), ["store_behind"]),
        (StoreState(behind=3, age_s=9.0, error="database is locked"), ["store_error"]),
        (StoreState(behind=3, age_s=0.2, error=None), []),
    ],
)
def test_a_store_that_does_not_take_facts_is_told_before_it_says_so_itself(
    store: StoreState, expected: list[str]
) -> None:
    assert [name for name, _, _ in told(store=store)] == expected


def test_a_frozen_engine_is_known_within_three_seconds_of_its_last_word() -> None:
    now = 100.0
    watch = EngineWatch(clock=lambda: now, lives=lambda _pid: True)
    watch.on_health(HEALTH)
    now += 2.0
    assert watch.state().state == "ok"
    now += 0.5  # the page says how it is twice a second
    assert watch.state().state == "silent"
