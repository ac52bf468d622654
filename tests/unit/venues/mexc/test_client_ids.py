"""Whose plan order is whose."""

from dataclasses import replace
from decimal import Decimal

import pytest

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
def links():
    return ClientIds()


def test_what_nobody_knows_stays_without_a_name(links):
    assert links.plan(plan("1")).client_id == ""
    assert not links.knows("a")


def test_by_its_number_and_by_what_it_is(links):
    links.remember(intent("a"))
    links.remember(intent("b", 58_000))
    assert links.plan(plan("1")).client_id == "a"
    assert links.plan(plan("2", 58_000)).client_id == "b"
    assert links.plan(plan("3")).client_id == ""  # a has one already
    assert links.plan(plan("1")).client_id == "a"
    assert links.number_of("b") == "2"


@pytest.mark.parametrize("change", [{"side": 1}, {"quantity": D("0.02")}, {"type": OrderType.TAKE_PROFIT_MARKET},
                                    {"symbol": "ETH_USDT"}, {"reduce_only": False}])  # fmt: skip
def test_only_what_is_alike_in_everything(links, change):
    links.remember(intent("a"))
    assert links.plan(replace(plan("1"), **change)).client_id == ""


def test_of_equal_intents_the_newest_and_an_acknowledgement_is_right(links):
    links.remember(intent("lost"))
    links.remember(intent("sent"))
    assert links.plan(plan("1")).client_id == "sent"
    links.placed("lost", "1")  # it was the other one after all
    assert links.plan(plan("1")).client_id == "lost"
    assert links.plan(plan("2")).client_id == "sent"


def test_a_refused_intent_is_not_meant(links):
    links.remember(intent("a"))
    links.forget("a")
    assert links.plan(plan("1")).client_id == ""


def test_an_id_that_the_venue_shows_wins(links):
    links.remember(intent("a"))
    links.remember(intent("b"))
    assert links.plan(replace(plan("1"), client_id="a")).client_id == "a"


def test_after_a_restart_it_is_found_by_what_it_is(links):
    links.remember(intent("a"))
    links.placed("a", "1")
    fresh = ClientIds()
    fresh.remember(intent("a"))
    assert fresh.plan(plan("1")) == links.plan(plan("1"))


def test_the_oldest_entries_go_first(links, monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    for name in "abc":
        links.remember(intent(name))
    assert [links.knows(name) for name in "abc"] == [False, True, True]
