"""Whose plan order is whose."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from triplane.venues.base import NewOrder, OrderReport, OrderStatus, OrderType
from triplane.venues.mexc import client_ids as module
from triplane.venues.mexc.client_ids import ClientIds

D = Decimal
STOP = OrderType.STOP_MARKET


def intent(client_id, trigger=59_000, quantity="0.01"):
    return NewOrder(client_id, "BTC_USDT", -1, STOP, D(quantity), trigger=D(trigger), reduce_only=True)


def plan(number, trigger=59_000, quantity="0.01", **more):
    return OrderReport(
        "", "BTC_USDT", -1, STOP, OrderStatus.OPEN, D(quantity), trigger=D(trigger), reduce_only=True,
        venue_id=number, **more,
    )  # fmt: skip


@pytest.fixture
def client_ids():
    return ClientIds()


def test_what_nobody_knows_stays_without_a_name(client_ids):
    assert client_ids.plan(plan("1")).client_id == ""
    assert not client_ids.knows("a")


def test_by_its_number_and_by_what_it_is(client_ids):
    client_ids.remember(intent("a"))
    client_ids.remember(intent("b", 58_000))
    assert client_ids.plan(plan("1")).client_id == "a"
    assert client_ids.plan(plan("2", 58_000)).client_id == "b"
    assert client_ids.plan(plan("3")).client_id == ""  # a has one already
    assert client_ids.plan(plan("1")).client_id == "a"
    assert client_ids.number_of("b") == "2"


@pytest.mark.parametrize("change", [{"side": 1}, {"quantity": D("0.02")}, {"type": OrderType.TAKE_PROFIT_MARKET},
                                    {"symbol": "ETH_USDT"}, {"reduce_only": False}])  # fmt: skip
def test_only_what_is_alike_in_everything(client_ids, change):
    client_ids.remember(intent("a"))
    assert client_ids.plan(replace(plan("1"), **change)).client_id == ""


def test_of_equal_intents_the_newest_and_an_acknowledgement_is_right(client_ids):
    client_ids.remember(intent("lost"))
    client_ids.remember(intent("sent"))
    assert client_ids.plan(plan("1")).client_id == "sent"
    client_ids.placed("lost", "1")  # it was the other one after all
    assert client_ids.plan(plan("1")).client_id == "lost"
    assert client_ids.plan(plan("2")).client_id == "sent"


def test_a_refused_intent_is_not_meant(client_ids):
    client_ids.remember(intent("a"))
    client_ids.forget("a")
    assert client_ids.plan(plan("1")).client_id == ""


def test_an_id_that_the_venue_shows_wins(client_ids):
    client_ids.remember(intent("a"))
    client_ids.remember(intent("b"))
    assert client_ids.plan(replace(plan("1"), client_id="a")).client_id == "a"


def test_after_a_restart_it_is_found_by_what_it_is(client_ids):
    client_ids.remember(intent("a"))
    client_ids.placed("a", "1")
    fresh = ClientIds()
    fresh.remember(intent("a"))
    assert fresh.plan(plan("1")) == client_ids.plan(plan("1"))


def test_the_oldest_entries_go_first(client_ids, monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    for name in "abc":
        client_ids.remember(intent(name))
    assert [client_ids.knows(name) for name in "abc"] == [False, True, True]
