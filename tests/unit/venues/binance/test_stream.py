"""The listen key of Binance's private stream."""

import asyncio

import pytest

from triplane.data.clock import ManualClock
from triplane.venues.binance.stream import ListenKeyStream
from triplane.venues.errors import Refused, Why
from triplane.venues.stream import Rotate


async def test_the_listen_key_is_made_for_each_connection_and_extended():
    clock, asked = ManualClock(0, auto=False), []

    async def ask(method):
        asked.append((method, clock.monotonic()))
        if len(asked) == 4:
            raise Refused("the key is gone", why=Why.OTHER)
        return "pqia91ma19a5s61cv6a8"

    protocol = ListenKeyStream("wss://x", ask, clock)
    assert await protocol.address() == "wss://x/private/ws?listenKey=pqia91ma19a5s61cv6a8"
    keeping = asyncio.create_task(protocol.keep_alive(None))
    await clock.advance(3 * 1800)
    with pytest.raises(Refused):
        await keeping
    assert asked == [("POST", 0), ("PUT", 1800), ("PUT", 3600), ("PUT", 5400)]
    with pytest.raises(Rotate):
        protocol.read({"e": "listenKeyExpired", "E": 1, "listenKey": "pqia91ma19a5s61cv6a8"})
    assert protocol.read({"e": "TRADE_LITE"}) == []
