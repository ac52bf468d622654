"""What all adapters do alike."""

import asyncio
from decimal import Decimal

import pytest

from triplane.data.clock import ManualClock
from triplane.venues.adapter import Adapter, AdapterTiming
from triplane.venues.base import ZERO, Balance, OrderReport, OrderStatus, OrderType, PositionReport, Snapshot
from triplane.venues.errors import Refused, Unknown, Why
from triplane.venues.wire import HttpRequest

D = Decimal
SETTING = HttpRequest("POST", "/leverage")


class Rest:
    """A REST side that fails as it is told to, and counts."""

    def __init__(self):
        self.clock, self.opened, self.synced, self.error = self, 0, 0, None

    async def open(self):
        self.opened += 1

    async def close(self):
        self.opened = 0

    async def sync(self):
        self.synced += 1
        if self.synced == 1:
            raise Refused("down", why=Why.DOWN)

    def now_ms(self):
        return 42

    async def ask(self, request):
        if self.error is not None:
            raise self.error


class Stream:
    """A private stream that keeps what is expected of it."""

    def __init__(self):
        self.received, self.expected, self.closed = 7, [], 0

    def expect(self, since):
        self.expected.append(since)

    async def close(self):
        self.closed += 1


class Fake(Adapter):
    unchanged = ("-4046",)

    def __init__(self, error=None):
        self._clock, self._timing = ManualClock(0, auto=False), AdapterTiming(sync=60.0)
        self._rest, self._stream, self._error = Rest(), Stream(), error

    async def _load(self):
        if self._error is not None:
            raise self._error

    async def snapshot(self, symbols):
        orders = [
            OrderReport(name, "BTCUSDT", 1, OrderType.LIMIT, OrderStatus.OPEN, D(1), ZERO, venue_id="9")
            for name in ("mine", "")
        ]
        position = PositionReport("BTCUSDT", D("1E-2"), D(50_000))
        return Snapshot(0, (position,), tuple(orders), Balance("USDT", D(1), D(1)))


async def test_what_failed_to_open_is_closed_again():
    venue = Fake(Unknown("no markets"))
    with pytest.raises(Unknown):
        await venue.open()
    assert (venue._rest.opened, venue._stream.closed) == (0, 1)


async def test_the_clock_is_measured_for_ever_also_after_a_failure():
    venue = Fake()
    await venue.open()
    await venue.open()  # twice does no harm
    await venue._clock.advance(185)
    assert venue._rest.synced == 3
    await venue.close()
    await venue.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert venue.now_ms() == 42


def test_an_event_is_expected_only_of_what_succeeded():
    venue = Fake()
    with venue._expecting():
        venue._stream.received += 1  # faster than the answer
    assert venue._stream.expected == [7]
    with pytest.raises(Unknown), venue._expecting():
        raise Unknown("lost")
    assert venue._stream.expected == [7]


@pytest.mark.parametrize(
    ("error", "text"),
    [(None, ""), (Refused("no need", "-4046", Why.MODE), ""), (Refused("positions", "-4047", Why.MODE), "positions")],
)
async def test_a_setting(error, text):
    venue = Fake()
    venue._rest.error = error
    assert await venue._setting(SETTING) == text


async def test_other_errors_of_a_setting_are_errors():
    venue = Fake()
    venue._rest.error = Refused("later", "-1003", Why.RATE)
    with pytest.raises(Refused):
        await venue._setting(SETTING)


async def test_what_is_not_ours_is_named():
    assert await Fake()._foreign(["BTCUSDT"]) == [
        "BTCUSDT has an open position of 0.01 that is not ours",
        "BTCUSDT has a working order mine that is not ours",
        "BTCUSDT has a working order 9 that is not ours",
    ]
