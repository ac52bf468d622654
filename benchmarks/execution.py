"""From the socket frame that closes a candle to the bytes of the order it leads to, over loopback, by stage.

An exchange in a box, in a process of its own, trades so fast that a candle closes every 100 ms; this process runs what
``triplane up`` runs: live feed, session with journal, page and store, order manager, adapter. A strategy orders at
every close, in and out by turns. A candle is known to have closed when the first frame of the next one comes, so the
clock starts when the box hands that frame to its WebSocket, and stops when the first byte of ``POST /fapi/v1/order`` is
in the box's hands; both are the box's own stamps. Between them the stages are stamped here. Signing and real HTTP are
included, TLS is not; ``fsync`` runs beside the loop every 0.2 s, as always.

*Ours* is from the moment ccxt hands the candle over until ccxt is asked to send: everything but the two libraries.
"""

# ruff: noqa: SLF001 - its stamps are put where nobody else should look
import asyncio
import gc
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from asyncio import selector_events
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import wraps
from pathlib import Path

import numpy as np

from benchmarks.timing import table
from triplane.cli.logs import configure_logs
from triplane.cli.serving import serve_box
from triplane.data.binance import Place
from triplane.data.clock import SystemClock
from triplane.data.live import LiveFeed
from triplane.engine.journal import Journal
from triplane.engine.opening import Options, open_runner
from triplane.engine.runner import Runner
from triplane.engine.session import Session
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.engine.setup import Setup
from triplane.engine.sources import open_source
from triplane.exchange.market_clock import MarketClock
from triplane.exchange.opening import open_exchange
from triplane.execution.order_manager import OrderManager
from triplane.flow.listening import listen
from triplane.strategies.registry import find
from triplane.venues.adapter import Urls
from triplane.venues.binance.usdm import BinanceUsdm
from triplane.venues.budget import Budget, weight_window
from triplane.venues.keys import Credentials

ORDERS = 2000
SPEED = 600.0
MOST = 300.0
"""Seconds, at most."""
SYMBOL = "BTCUSDT"
ORDER = b"POST /fapi/v1/order"
CANDLE = re.compile(rb'"k":\{[^}]*"t":(\d+)')
"""The candle of a kline event, and when it opened."""
WARM = 50
"""Orders that are left out: the first ones meet cold code."""
LIMITS = TradingSettings(
    max_trades_day=100_000, cooldown_bars=0, daily_loss_share=0, max_drawdown=0, quality_gate=False
)
STAGES = (
    ("frame to ccxt: loopback, event loop, WebSocket", "wrote", "frame"),
    ("decode: ccxt's JSON and candle", "frame", "rows"),
    ("decode: our checks, sequence, queue", "rows", "batch"),
    ("decide: core, audit rows", "batch", "decided"),
    ("journal", "", "journal"),
    ("risk and plan", "decided", "planned"),
    ("send: task and adapter", "planned", "asked"),
    ("send: ccxt signs, aiohttp writes", "asked", "written"),
    ("bytes to the venue: loopback, its event loop", "written", "arrived"),
)
OURS = range(2, 7)


# ------------------------------------------------------------------------------------------------------------ the box
def stamp_box() -> tuple[list[int], list[int]]:
    """When new candles' first frames are written, and when orders arrive; nanoseconds of the monotonic clock."""
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol  # noqa: PLC0415 - only in the box's process
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol  # noqa: PLC0415 - the same

    frames: list[int] = []
    orders: list[int] = []
    newest = [0]
    send, received = WebSocketsSansIOProtocol.send, HttpToolsProtocol.data_received

    async def stamped_send(self, message):
        text = message.get("text") or b""
        text = text.encode() if isinstance(text, str) else text
        found = CANDLE.search(text)
        if found and (opened := int(found[1])) > newest[0]:
            newest[0] = opened
            frames.append(time.perf_counter_ns())
        await send(self, message)

    def stamped_received(self, data):
        if data.startswith(ORDER):
            orders.append(time.perf_counter_ns())
        received(self, data)

    WebSocketsSansIOProtocol.send = stamped_send
    HttpToolsProtocol.data_received = stamped_received
    return frames, orders


async def serve() -> None:
    """The box, until SIGTERM; then its stamps on standard output."""
    frames, orders = stamp_box()
    x = open_exchange("demo", [SYMBOL], ["box-key:box-secret:100000000"], clock=SystemClock(), limits=False)
    market_clock = MarketClock(x, SPEED)

    async def until_stopped(rest: str, sockets: str) -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        print(json.dumps({"rest": rest, "ws": sockets}), flush=True)
        await stop.wait()
        print(json.dumps({"frames": frames, "orders": orders}), flush=True)

    await serve_box(market_clock, listen(0), until_stopped)


# -------------------------------------------------------------------------------------------------------- this process
class Marks:
    """The newest moment of each stage, put down whole when an order's first byte is written."""

    def __init__(self) -> None:
        self.now: dict[str, int] = {}
        self.orders: list[dict[str, int]] = []
        self.done = asyncio.Event()
        self.closing: dict[str, int] = {}
        self._newest: dict[str, int] = {}
        self._journal = 0

    def before(self, name: str, call: Callable) -> Callable:
        """Stamp when a function is called."""

        @wraps(call)
        def stamped(*args, **kwargs):
            self.now[name] = time.perf_counter_ns()
            return call(*args, **kwargs)

        return stamped

    def install(self) -> None:
        """Stamp the stages."""
        from ccxt.async_support.base.ws.client import Client  # noqa: PLC0415 - as the session does

        Client.handle_text_or_binary_message = self.before("frame", Client.handle_text_or_binary_message)
        self._frames(LiveFeed, Runner)
        self._decided(Session)
        self._appended(Journal)
        self._planned(OrderManager)
        write = selector_events._SelectorSocketTransport.write
        writelines = selector_events._SelectorSocketTransport.writelines

        def stamped_write(transport, data):
            if bytes(data[: len(ORDER)]) == ORDER:
                self._written()
            return write(transport, data)

        def stamped_lines(transport, parts):
            parts = list(parts)
            if parts and bytes(parts[0][: len(ORDER)]) == ORDER:
                self._written()
            return writelines(transport, parts)

        selector_events._SelectorSocketTransport.write = stamped_write
        selector_events._SelectorSocketTransport.writelines = stamped_lines

    def _frames(self, feed, runner) -> None:
        """Later frames of the new candle come while the order is on its way: hold on to the one that closed."""
        handed, taken = feed._take, runner._take

        def stamped_rows(*args):
            self._newest = {"frame": self.now["frame"], "rows": time.perf_counter_ns()}
            handed(*args)

        def stamped_batch(*args):
            self.closing = {**self._newest, "batch": time.perf_counter_ns()}
            return taken(*args)

        feed._take, runner._take = stamped_rows, stamped_batch

    def _decided(self, session) -> None:
        feed = session.feed_candle

        def stamped(*args):
            self._journal = 0
            rows = feed(*args)
            self.now["decided"] = time.perf_counter_ns()
            self.now["journal"] = self._journal
            return rows

        session.feed_candle = stamped

    def _appended(self, journal) -> None:
        append = journal.append

        def stamped(*args, **kwargs):
            begin = time.perf_counter_ns()
            append(*args, **kwargs)
            self._journal += time.perf_counter_ns() - begin

        journal.append = stamped

    def _planned(self, manager) -> None:
        plan = manager.plan

        def stamped(*args):
            requests = plan(*args)
            if requests:
                self.now["planned"] = time.perf_counter_ns()
            return requests

        manager.plan = stamped

    def asked(self, client) -> None:
        """Stamp when this client of ccxt's is asked to send an order."""
        request = client.request

        def stamped(path, *args):
            if path == "order":
                self.now["asked"] = time.perf_counter_ns()
            return request(path, *args)

        client.request = stamped

    def _written(self) -> None:
        self.orders.append({**self.now, **self.closing, "written": time.perf_counter_ns()})
        if len(self.orders) >= ORDERS:
            self.done.set()


async def trade(rest: str, sockets: str, folder: Path) -> list[dict[str, int]]:
    """Run a session as ``triplane up`` does until it has sent enough orders."""
    clock, path = SystemClock(), str(Path(__file__).with_name("flip.py"))
    spec, marks = find(path), Marks()
    marks.install()
    keys, budget = Credentials("box-key", "box-secret"), Budget(weight_window(10**9), ())
    venue = BinanceUsdm(keys, Urls(rest, sockets, rest), clock, budget=budget)
    await venue.open()
    marks.asked(venue._rest._client._ccxt)
    place = Place(rest=rest, sockets=sockets, speed=SPEED)
    source = await open_source("binance", [SYMBOL], clock, SPEED, warmup_ms=600_000, place=place)
    setup = Setup(
        path, spec.resolve({}), tuple(await venue.instruments([SYMBOL])), 60_000, 60_000, 100_000_000.0, "benchmark",
        "testnet", hold=True, trading=LIMITS, costs=CostSettings(leverage=1),
    )  # fmt: skip
    opened = open_runner(
        folder, setup, setup.core(), spec, source.make_feed, options=Options(live=True, facts=True), clock=clock,
        venue=venue,
    )  # fmt: skip
    opened.log.go_live(asyncio.get_running_loop().call_soon)
    await venue.prepare([SYMBOL], 1)
    gc.collect()
    gc.freeze()  # as `triplane up` does
    running = asyncio.create_task(opened.runner.run())
    await asyncio.wait(
        {running, asyncio.create_task(marks.done.wait())}, return_when=asyncio.FIRST_COMPLETED, timeout=MOST
    )
    opened.runner.stop()
    await running
    opened.log.close()
    await venue.close()
    return marks.orders


def together(orders: list[dict[str, int]], box: dict[str, list[int]]) -> list[dict[str, int]]:
    """The orders with the box's stamps, without those that did not come of a candle."""
    out = []
    for order in orders:
        first = bisect_right(box["frames"], order["frame"]) - 1
        last = bisect_left(box["orders"], order["written"])
        chain = [order[name] for name in ("frame", "rows", "batch", "decided", "planned", "asked", "written")]
        if first < 0 or last == len(box["orders"]) or chain != sorted(chain) or chain[-1] - chain[0] > 50_000_000:
            continue
        out.append({**order, "wrote": box["frames"][first], "arrived": box["orders"][last]})
    return out


def stages(orders: list[dict[str, int]]) -> list[np.ndarray]:
    """Microseconds of each stage, by order; what the journal takes is not part of deciding."""
    out = []
    for _, begin, end in STAGES:
        taken = np.array([o[end] - (o[begin] if begin else 0) for o in orders]) / 1000
        out.append(taken - np.array([o["journal"] for o in orders]) / 1000 if end == "decided" else taken)
    return out


def main() -> None:
    """Print the table."""
    configure_logs()
    command = [sys.executable, "-m", "benchmarks.execution", "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, tempfile.TemporaryDirectory() as at:
        assert process.stdout is not None
        try:
            urls = json.loads(process.stdout.readline())
            orders = asyncio.run(trade(urls["rest"], urls["ws"], Path(at)))
        finally:
            process.terminate()  # or leaving would wait for it for ever
        stamps = json.loads(process.stdout.readline())
    measured = together(orders, stamps)[WARM:]
    if not measured:
        seen = f"{len(orders)} orders sent; the box wrote {len(stamps['frames'])} first frames of candles"
        raise SystemExit(f"execution: nothing to measure: {seen} and took {len(stamps['orders'])} orders.")
    parts = stages(measured)
    whole = np.array([o["arrived"] - o["wrote"] for o in measured]) / 1000
    named = [(label, part) for (label, *_), part in zip(STAGES, parts, strict=True)]
    named += [("**whole**", whole), ("**ours**", sum(parts[i] for i in OURS))]
    rows = [(label, *(f"{np.percentile(values, p):,.0f} µs" for p in (50, 99, 99.9))) for label, values in named]
    table(f"Socket frame in → order bytes out, {len(measured)} orders", ("stage", "p50", "p99", "p99.9"), rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        asyncio.run(serve())
    else:
        main()
