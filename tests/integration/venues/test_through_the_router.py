"""An adapter behind the router is still one that does what every adapter must, in the process and over HTTP."""

from contextlib import AsyncExitStack

import pytest
from served import TOKEN, served
from suite import LIMIT, AdapterSuite
from test_usdm import TestBinanceUsdm

from triplane.execution.breaker import Breaker
from triplane.execution.remote import RemoteRouter
from triplane.execution.router import Conflict, Router

Usdm = TestBinanceUsdm
del TestBinanceUsdm  # or it would be collected here again


class Served:
    """The service and its client in one, to be opened and closed like any venue."""

    def __init__(self, router):
        self._router = router
        self._stack = AsyncExitStack()
        self._remote = None

    async def open(self):
        try:
            self._stack.push_async_callback(self._router.close)
            await self._router.open()
            url = await self._stack.enter_async_context(served(self._router))
            self._remote = RemoteRouter(url, TOKEN, timeout=30.0)
            await self._remote.open()
        except BaseException:
            await self.close()
            raise

    async def close(self):
        if self._remote is not None:
            await self._remote.close()
        await self._stack.aclose()

    def __getattr__(self, name):
        return getattr(self._remote, name)


class Routed(AdapterSuite):
    """All but what is of the adapter alone."""

    snapshot_parts = Usdm.snapshot_parts
    truth, small_pages = Usdm.truth, Usdm.small_pages

    def routed(self, *args, **more):
        adapter = Usdm.make(self, *args, **more)
        return Router(adapter, breaker=Breaker(limit=1000))

    async def test_an_open_order_has_its_client_id_alone(self, box, venue):
        price = self.price(box, -5)
        first = await self.place(venue, "same", LIMIT, price=price)
        assert await self.place(venue, "same", LIMIT, price=price) == first
        with pytest.raises(Conflict):
            await self.place(venue, "same", LIMIT, price=price - 1)
        assert len((await venue.snapshot([self.symbol])).orders) == 1


class TestInTheProcess(Routed):
    def make(self, *args, **more):
        return self.routed(*args, **more)


class TestOverHttp(Routed):
    def make(self, *args, **more):
        return Served(self.routed(*args, **more))
