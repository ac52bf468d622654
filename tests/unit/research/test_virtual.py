"""The exchange in a box in this process: signed requests through its door, and a link that is made again."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from triplane.data.generator import DEMO_START_MS, MINUTE, GeneratedMarket
from triplane.data.replay import GeneratedSource
from triplane.exchange.account import FuturesAccount
from triplane.exchange.exchange import Exchange
from triplane.exchange.market import Market
from triplane.execution.messages import CancelOrder, QueryOrder, TakeSnapshot
from triplane.research.virtual import BEAT_MS, BUSY_MS, KEY, SECRET, VirtualClock, VirtualExecution, ask, carry_out
from triplane.venues.errors import VenueError
from triplane.venues.wire import HttpRequest

BEGIN = DEMO_START_MS + 10 * MINUTE


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(BEGIN)


@pytest.fixture
def market() -> GeneratedMarket:
    return GeneratedMarket("BTCUSDT", 1, DEMO_START_MS)


@pytest.fixture
def x(clock: VirtualClock, market: GeneratedMarket) -> Exchange:
    account = FuturesAccount(KEY, SECRET, Decimal(1000))
    return Exchange([Market(market.instrument, GeneratedSource(market), BEGIN)], [account], clock, seed=1, limits=False)


def test_the_clock_moves_only_by_hand(clock: VirtualClock) -> None:
    assert (clock.now_ms(), clock.monotonic()) == (BEGIN, BEGIN / 1000)
    clock.now += 1500
    assert clock.monotonic() == BEGIN / 1000 + 1.5


def test_a_signed_request_is_answered(x: Exchange) -> None:
    made = ask(x, HttpRequest("POST", "/fapi/v1/leverage", {"symbol": "BTCUSDT", "leverage": "3"}), BEGIN)
    assert (made["symbol"], int(made["leverage"])) == ("BTCUSDT", 3)


def test_what_the_venue_refuses_is_an_error(x: Exchange) -> None:
    with pytest.raises(VenueError):
        ask(x, HttpRequest("POST", "/fapi/v1/leverage", {"symbol": "NOPE", "leverage": "3"}), BEGIN)


def test_a_snapshot_of_an_account_that_holds_nothing(x: Exchange) -> None:
    snapshot: Any = carry_out(x, TakeSnapshot(("BTCUSDT",), ()), BEGIN)
    assert (snapshot.positions, snapshot.orders, snapshot.balance.wallet) == ((), (), 1000)


@pytest.mark.parametrize("conditional", [False, True])
def test_orders_that_do_not_exist_are_refused(x: Exchange, conditional: bool) -> None:
    for request in (QueryOrder("BTCUSDT", "none", conditional), CancelOrder("BTCUSDT", "none", conditional)):
        with pytest.raises(VenueError):
            carry_out(x, request, BEGIN)


def test_a_connection_that_the_venue_ends_is_made_again(x: Exchange, clock: VirtualClock, market: Any) -> None:
    setup = SimpleNamespace(instruments=(market.instrument,))
    session: Any = SimpleNamespace(id="0" * 32, setup=setup, A={"balance": [1000.0]})
    link = VirtualExecution(x, clock, session, lag=40)
    first = link._connection
    link.close(1001)
    assert link._connection is not first
    quiet = link.next_at()
    link._at(40, lambda: None)
    assert link.next_at() == clock.now + 40  # soon after something happens it is looked at often
    clock.now += 50
    assert link.next_at() == min(clock.now + BEAT_MS, BEGIN + 40)
    clock.now = BEGIN + BUSY_MS
    link._later.remove(next(entry for entry in link._later if entry[0] == BEGIN + 40))
    assert link.next_at() == quiet
