"""The venue's time on the monotonic clock."""

import asyncio

import pytest

from triplane.data.clock import ManualClock
from triplane.venues.clock import VenueClock
from triplane.venues.errors import Refused, Why


class Server:
    """A venue whose time is ``ahead`` of the true one, reached over a line with uneven delays."""

    def __init__(self, clock, ahead, delays):
        self.clock, self.ahead, self.delays, self.asked = clock, ahead, list(delays), 0

    async def __call__(self):
        self.asked += 1
        there, back = self.delays[(self.asked - 1) % len(self.delays)]
        await self.clock.sleep(there)
        answer = int(self.clock.monotonic() * 1000) + self.ahead
        await self.clock.sleep(back)
        return answer


def measured(ahead, delays, jump=0):
    async def run():
        clock = ManualClock(1_000_000)
        venue = VenueClock(clock, Server(clock, ahead, delays))
        await venue.sync()
        clock.jump(jump)
        return venue.now_ms() - ahead - clock.monotonic() * 1000, venue.error_ms

    return asyncio.run(run())


def test_before_it_is_measured_it_is_the_computers():
    clock = ManualClock(5_000)
    assert VenueClock(clock, None).now_ms() == 5_000


@pytest.mark.parametrize("jump", [0, 5_000, -5_000, 86_400_000])
def test_the_quickest_answer_counts(jump):
    off, error = measured(777_000, [(0.9, 0.001), (0.02, 0.01), (0.001, 0.5), (0.3, 0.3)], jump)
    assert abs(off) <= 15 + 1
    assert error == pytest.approx(15)


def test_it_is_measured_once_for_all_who_wait():
    async def run():
        clock = ManualClock(0)
        server = Server(clock, 50, [(0.1, 0.1)])
        venue = VenueClock(clock, server)
        asked = clock.monotonic()
        await asyncio.gather(*(venue.sync(before=asked) for _ in range(5)))
        first = server.asked
        await venue.sync(before=asked)
        await venue.sync(before=clock.monotonic() + 1)
        return first, server.asked

    assert asyncio.run(run()) == (4, 8)


def test_a_failed_measurement_leaves_the_old_one():
    async def run():
        clock = ManualClock(0)
        server = Server(clock, 12_000, [(0.001, 0.001)])
        venue = VenueClock(clock, server)
        await venue.sync()
        before = venue.now_ms() - clock.monotonic() * 1000

        async def refuse():
            raise Refused("no", why=Why.DOWN)

        venue._ask = refuse
        with pytest.raises(Refused):
            await venue.sync()
        return venue.now_ms() - clock.monotonic() * 1000 == before

    assert asyncio.run(run())
