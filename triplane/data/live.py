"""Live candles of a venue through ccxt: streamed, checked against REST, complete, and never silently stalled.

Each symbol has a loop of its own: catch up over REST, listen, and on any trouble wait (1, 2, 4, 8, 16 s with jitter)
and start over. The rules:

* A candle of the stream counts as closed when a newer one has come on the *same* connection. When that does not happen
  in time, it is taken from REST a moment after its close, by the venue's clock.
* All candles go through a :class:`Sequencer`; what is missing is fetched over REST as soon as it is overdue.
* Silence has a deadline, a short one after subscribing. When it passes, REST decides: if the venue has nothing new
  either, the market is quiet; otherwise the stream is mute, is reported as stale, and its connection is replaced.
* Nothing is sent while the venue's ``Retry-After`` runs.

Time comes from a :class:`Clock`, the venue's from its server time on the monotonic clock, so that the computer's own
clock may jump.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import numpy as np

from triplane.data.candles import Candles, as_candles, timeframe_name, utc
from triplane.data.clock import Clock
from triplane.data.feed import CandleBatch, FeedEvent, FeedState, FeedStatus, Forming
from triplane.data.funding_feed import tell_fundings
from triplane.data.instruments import Instrument
from triplane.data.moments import Moments
from triplane.data.sequencer import Range, Sequenced, Sequencer
from triplane.errors import BadInput, DataError, TriplaneError
from triplane.kernel.records import CANDLE

T = TypeVar("T")
BACKOFF: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each new attempt; the last one repeats."""
JITTER: Final = 0.25
PAGE: Final = 1000
"""Candles in one REST answer, at most."""
TRANSIENT: Final = (OSError, DataError)
"""What ends a connection but not the feed; whatever the venue's library raises is turned into the first."""
LONGEST_REASON: Final = 200


class CcxtExchange(Protocol):
    """The part of a ``ccxt.pro`` exchange that is used here."""

    async def load_markets(self, reload: bool = False) -> Mapping[str, Any]:
        """All markets by unified symbol."""
        ...

    async def fetch_ohlcv(self, symbol: str, timeframe: str, since: int | None, limit: int | None) -> Sequence[Any]:
        """Candles from a time on, as rows of open time and five numbers, the forming one included."""
        ...

    async def watch_ohlcv(self, symbol: str, timeframe: str) -> Sequence[Any]:
        """Rows that changed since the last call; waits for a change."""
        ...

    async def fetch_funding_rate_history(self, symbol: str, since: int | None, limit: int | None) -> Sequence[Any]:
        """Fundings of a perpetual from a time on, rows with ``timestamp`` and ``fundingRate``."""
        ...

    async def fetch_time(self) -> int | None:
        """Server time, milliseconds."""
        ...

    async def close_ws_clients(self) -> None:
        """Drop all sockets; the next watch opens new ones."""
        ...

    async def close(self) -> None:
        """Close everything."""
        ...


Resolve = Callable[[Mapping[str, Any], str], tuple[str, Instrument]]
"""From all markets and a symbol to ccxt's name of it and its trading rules; raises BadInput for an unknown one."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Deadlines, seconds."""

    first_data: float = 10.0  # after subscribing
    silence: float = 30.0
    request: float = 15.0
    settle: float = 2.0  # after a candle's close, before REST is believed to hold its final values
    retry: float = 5.0  # between questions for a candle that is overdue
    gather: float = 3.0  # that the first candle of a time waits for those of other symbols; longer than `settle`


@dataclass(slots=True)
class _Stream:
    index: int
    symbol: str
    name: str  # ccxt's
    sequencer: Sequencer
    seen: Candles | None = None  # newest row of the stream on this connection
    latest: Candles | None = None  # newest row of the venue, from stream or REST
    asked_at: float = field(default=float("-inf"))
    attempt: int = 0
    delivered: bool = False  # something has been handed out
    connected_before: bool = False


def backoff(attempt: int, rng: random.Random) -> float:
    """Seconds to wait before attempt number ``attempt`` + 1: 1, 2, 4, 8, 16, 16 …, and up to a quarter more."""
    return BACKOFF[min(attempt, len(BACKOFF) - 1)] * (1.0 + JITTER * rng.random())


def in_order(candles: Candles) -> Candles:
    """Candles sorted by time; of several of one time the last one counts."""
    _, last = np.unique(candles["open_time"][::-1], return_index=True)
    ordered: Candles = candles[::-1][last]
    return ordered


def parse_rows(rows: Sequence[Any]) -> Candles:
    """Candles of ccxt rows ``[open time, open, high, low, close, volume]``; raises DataError for anything else."""
    table = np.empty(len(rows), dtype=CANDLE)
    try:
        for i, (time, *numbers) in enumerate(rows):
            table[i] = (int(time), *map(float, numbers))
    except (TypeError, ValueError):
        raise DataError("the venue sent a candle that is not six numbers") from None
    return as_candles(in_order(table)) if len(table) else table


def sentence(error: BaseException) -> str:
    """An error of a library in one line of limited length."""
    text = " ".join(str(error).split())[:LONGEST_REASON]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class LiveFeed:
    """Candles of a venue, live.

    Parameters
    ----------
    exchange
        A ``ccxt.pro`` exchange, or something that acts like one.
    symbols
        As the venue writes them.
    interval_ms
        Length of the candles, one of the supported timeframes.
    resolve
        Finds a symbol among the exchange's markets.
    clock, rng
        Time, and the jitter of the back-off.
    start_after
        For each symbol the open time of the last candle that is already known; what came since is caught up with.
        Without it the first candle is the one now forming.
    """

    def __init__(
        self,
        exchange: CcxtExchange,
        symbols: Sequence[str],
        interval_ms: int,
        resolve: Resolve,
        clock: Clock,
        rng: random.Random | None = None,
        start_after: Mapping[str, int] | None = None,
        timing: Timing | None = None,
    ) -> None:
        if not symbols:
            raise BadInput("a feed needs at least one symbol")
        self.symbols = tuple(symbols)
        self.interval_ms = interval_ms
        self.instruments: tuple[Instrument, ...] = ()
        self._timeframe = timeframe_name(interval_ms)
        self._exchange = exchange
        self._resolve = resolve
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - spreads retries, protects nothing
        self._start_after: dict[str, int] = {}
        self.start_after(start_after or {})
        self._timing = timing or Timing()
        self._names: dict[str, str] = {}
        self._server = (0.0, 0.0)  # server time in ms at a monotonic moment
        self._silent_until = float("-inf")  # monotonic, while the venue has banned us
        self._catching_up = 0  # symbols that have never streamed yet
        self._loaded = asyncio.Event()
        self._queue: asyncio.Queue[FeedEvent | asyncio.Task[None]] = asyncio.Queue()

    def start_after(self, known: Mapping[str, int]) -> None:
        """Say which candles are known already (open time of the last one by symbol), before the first event."""
        for symbol, time in known.items():
            if time % self.interval_ms:
                raise BadInput(f"start_after of {symbol} must be a multiple of {self.interval_ms} ms, not {time}")
        self._start_after = dict(known)

    async def open(self) -> None:
        """Load markets and server time, find the symbols; raises BadInput for an unknown one."""
        if self._names:
            return
        markets = await self._with_retries(
            "the markets could not be loaded", lambda: self._request(self._exchange.load_markets)
        )
        await self._with_retries("the server time could not be read", self._sync)
        found = [self._resolve(markets, symbol) for symbol in self.symbols]
        self.instruments = tuple(rules for _, rules in found)
        self._names = {symbol: name for symbol, (name, _) in zip(self.symbols, found, strict=True)}

    async def close(self) -> None:
        """Close the connections."""
        with contextlib.suppress(*TRANSIENT):  # closing must not fail
            await self._request(self._exchange.close)

    async def history(self, symbol: str, before_ms: int, n: int) -> Candles:
        """The last ``n`` closed candles that opened before a time; TriplaneError when the venue cannot be reached."""
        await self.open()
        if symbol not in self._names:
            raise BadInput(f"symbol {symbol!r} is not in this feed; there is {', '.join(self.symbols)}")
        end = min(-(-before_ms // self.interval_ms) * self.interval_ms, self._forming_ms())
        asked = Range(end - n * self.interval_ms, end - self.interval_ms)
        return await self._with_retries(
            f"the history of {symbol} could not be loaded", lambda: self._fetch(self._names[symbol], asked)
        )

    async def __aiter__(self) -> AsyncIterator[FeedEvent]:
        """Events of all symbols as they happen; ends only with an error that is no venue's fault, or when closed."""
        await self.open()
        streams = []
        for index, symbol in enumerate(self.symbols):
            known = self._start_after.get(symbol, self._forming_ms() - self.interval_ms)
            streams.append(_Stream(index, symbol, self._names[symbol], Sequencer(self.interval_ms, known)))
        self._catching_up = len(streams)
        tasks = [asyncio.create_task(self._run_stream(stream)) for stream in streams]
        tasks.append(asyncio.create_task(self._run_fundings()))
        for task in tasks:
            task.add_done_callback(self._queue.put_nowait)
        try:
            async for event in self._gathered(Moments(len(streams), self._timing.gather)):
                yield event
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _gathered(self, moments: Moments) -> AsyncIterator[FeedEvent]:
        """Events as they come, and candles of one time together."""
        while True:
            due = moments.due
            event = await (self._queue.get() if due == float("inf") else self._next(due - self._clock.monotonic()))
            if isinstance(event, asyncio.Task):
                event.result()  # raises what ended the loop of a symbol
                continue
            if isinstance(event, CandleBatch):
                moments.add(event, self._clock.monotonic())
            loaded = isinstance(event, FeedStatus) and event.state == FeedState.LIVE
            ready = moments.ready(self._clock.monotonic(), every=loaded)
            if ready is not None:
                yield ready
            if event is not None and not isinstance(event, CandleBatch):
                yield event

    async def _next(self, seconds: float) -> "FeedEvent | asyncio.Task[None] | None":
        """The next event, or None when none comes in time."""
        news = asyncio.ensure_future(self._queue.get())
        try:
            await self._race(seconds, news)
            return news.result() if news.done() else None
        finally:
            news.cancel()

    # ------------------------------------------------------------------------------------------- one symbol's loop
    async def _run_stream(self, stream: _Stream) -> None:
        """Connect, listen, and start over after each failure, until cancelled."""
        while True:
            try:
                await self._sync()
                stream.seen = None
                await self._catch_up(stream)
                await self._listen(stream)
            except TRANSIENT as error:
                wait = max(backoff(stream.attempt, self._rng), self._silent_until - self._clock.monotonic())
                stream.attempt += 1
                self._report(stream, FeedState.RECONNECTING, f"connection lost, next attempt in {wait:.1f} s: {error}")
                await self._clock.sleep(wait)

    async def _run_fundings(self) -> None:
        """Tell the fundings of perpetuals as they come, once all history is loaded."""
        await self._loaded.wait()
        names = {k: self._names[s] for k, s in enumerate(self.symbols) if self.instruments[k].market == "usdm"}
        await tell_fundings(self._fundings, names, self._server_ms, self._clock.sleep, self._queue.put_nowait)

    async def _fundings(self, name: str, since: int) -> Sequence[Any]:
        return await self._request(partial(self._exchange.fetch_funding_rate_history, name, since, 100))

    async def _listen(self, stream: _Stream) -> None:
        """Take rows of the stream until it fails or goes silent."""
        deadline = self._clock.monotonic() + self._timing.first_data
        heard = False
        waiting: asyncio.Queue[Candles] = asyncio.Queue()
        watch = self._watch(stream, waiting)
        news = asyncio.ensure_future(waiting.get())
        try:
            while True:
                await self._race(min(deadline, self._overdue(stream)) - self._clock.monotonic(), news, watch)
                if news.done():
                    self._take(stream, news.result())
                    while not waiting.empty():
                        self._take(stream, waiting.get_nowait())
                    news = asyncio.ensure_future(waiting.get())
                elif watch.done():
                    watch.result()  # raises what ended it
                elif self._clock.monotonic() >= deadline:
                    await self._judge_silence(stream)
                else:
                    await self._catch_up(stream)
                    continue
                deadline = self._clock.monotonic() + self._timing.silence
                if not heard:
                    heard = True
                    self._report_connected(stream)
        finally:
            watch.cancel()
            news.cancel()

    def _watch(self, stream: _Stream, waiting: "asyncio.Queue[Candles]") -> "asyncio.Task[None]":
        """Take in rows in the background, until it fails.

        It asks again at once: the library wakes whoever waits when a row comes, and nobody does if it comes between.
        """

        async def rows() -> None:
            try:
                while True:
                    found = await self._exchange.watch_ohlcv(stream.name, self._timeframe)
                    waiting.put_nowait(parse_rows(found))
            except DataError:
                raise
            except Exception as error:  # whatever a library of many venues raises ends this connection
                raise ConnectionError(sentence(error)) from error

        task = asyncio.ensure_future(rows())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # abandoned: its error is not logged
        return task

    def _take(self, stream: _Stream, rows: Candles) -> None:
        """Rows of the stream: all but the newest have closed."""
        if len(rows) == 0:
            return
        if int(rows["open_time"][-1]) > self._server_ms() + self.interval_ms:
            raise DataError(f"the venue sent a candle from the future, {utc(int(rows['open_time'][-1]))}")
        # at first, older rows may be what the library kept, unfinished, from the connection before
        known = rows[-1:] if stream.seen is None else in_order(np.concatenate([stream.seen, rows]))
        self._deliver(stream, stream.sequencer.push(known[:-1]))
        stream.seen = stream.latest = known[-1:].copy()
        if int(stream.seen["open_time"][0]) >= (stream.sequencer.next_ms or 0):
            self._queue.put_nowait(Forming(stream.index, stream.seen))

    async def _catch_up(self, stream: _Stream) -> None:
        """Fetch what is overdue over REST, and the forming candle."""
        stream.asked_at = self._clock.monotonic()
        first = stream.sequencer.next_ms or 0
        rows = await self._fetch(stream.name, Range(first, self._forming_ms()))
        if len(rows) == 0:
            return
        newest = int(rows["open_time"][-1])
        settled = rows[rows["open_time"] + self.interval_ms + self._timing.settle * 1000 <= self._server_ms()]
        if len(settled):
            # only before a candle that is there can one be said not to exist; the newest ones may be on their way
            result = stream.sequencer.fill(Range(first, int(settled["open_time"][-1])), settled)
            if stream.delivered and len(result.candles) > 1:
                self._report(stream, FeedState.GAP_REPAIRED, f"{len(result.candles)} candles were fetched")
            self._deliver(stream, result)
        if stream.latest is None or newest >= int(stream.latest["open_time"][0]):
            stream.latest = rows[-1:].copy()

    async def _judge_silence(self, stream: _Stream) -> None:
        """Ask REST whether there was anything to say; raise when the stream kept it to itself."""
        known = stream.latest
        first = self._forming_ms() if known is None else int(known["open_time"][0])
        rows = await self._fetch(stream.name, Range(first, self._forming_ms()))
        if known is not None and len(rows) and rows[-1] == known[0]:
            return
        self._report(stream, FeedState.STALE, "no data from the stream, though the venue has new candles")
        with contextlib.suppress(*TRANSIENT):  # a dead socket may fail to close; it is dropped all the same
            await self._request(self._exchange.close_ws_clients)
        raise TimeoutError("the stream is mute")

    def _overdue(self, stream: _Stream) -> float:
        """Monotonic moment from which the next candle should be asked for."""
        closes = (stream.sequencer.next_ms or 0) + self.interval_ms + self._timing.settle * 1000
        at_ms, moment = self._server
        return max(moment + (closes - at_ms) / 1000, stream.asked_at + self._timing.retry)

    def _deliver(self, stream: _Stream, result: Sequenced) -> None:
        for time in [*result.conflicts, *result.misaligned]:
            self._report(
                stream, FeedState.CONFLICT, f"the candle of {utc(time)} came with other values and was ignored"
            )
        if result.absent:
            first = utc(result.absent[0])
            self._report(stream, FeedState.GAP_REMAINS, f"the venue lacks {len(result.absent)} candles from {first}")
        if len(result.candles):
            stream.delivered = True
            which = np.full(len(result.candles), stream.index, dtype=np.int64)
            self._queue.put_nowait(CandleBatch(which, result.candles))

    def _report_connected(self, stream: _Stream) -> None:
        first = not stream.connected_before
        stream.attempt = 0
        stream.connected_before = True
        self._report(stream, FeedState.CONNECTED if first else FeedState.RECOVERED, f"{stream.symbol} is streaming")
        self._catching_up -= first
        if first and self._catching_up == 0:
            self._queue.put_nowait(FeedStatus(FeedState.LIVE, "the history is loaded", None, int(self._server_ms())))
            self._loaded.set()

    def _report(self, stream: _Stream, state: FeedState, text: str) -> None:
        self._queue.put_nowait(FeedStatus(state, text, stream.index, int(self._server_ms())))

    # -------------------------------------------------------------------------------------------- the venue's REST
    async def _fetch(self, name: str, asked: Range) -> Candles:
        """Candles of a range, page by page; fewer when the venue has no more."""
        pages = [np.empty(0, dtype=CANDLE)]
        at = asked.first_ms
        while at <= asked.last_ms:
            limit = min((asked.last_ms - at) // self.interval_ms + 1, PAGE)
            page = partial(self._exchange.fetch_ohlcv, name, self._timeframe, at, limit)
            rows = parse_rows(await self._request(page))
            rows = rows[rows["open_time"] >= at]
            if len(rows) == 0:
                break
            pages.append(rows[rows["open_time"] <= asked.last_ms])
            at = int(rows["open_time"][-1]) + self.interval_ms
        return np.concatenate(pages)

    async def _request(self, call: Callable[[], Awaitable[T]]) -> T:
        """Send one request, not while banned, and wait for it in time; raises OSError when it fails."""
        await self._clock.sleep(self._silent_until - self._clock.monotonic())
        task = asyncio.ensure_future(call())
        try:
            await self._race(self._timing.request, task)
            if task.done():
                return task.result()
        except OSError:
            raise
        except Exception as error:  # whatever a library of many venues raises is the venue's failure
            self._note_ban(error)
            raise ConnectionError(sentence(error)) from error
        finally:
            task.cancel()
        raise TimeoutError(f"no answer within {self._timing.request:g} s")

    def _note_ban(self, error: Exception) -> None:
        from ccxt.base.errors import DDoSProtection, RateLimitExceeded  # noqa: PLC0415 - 70 MB that a replay never needs

        if not isinstance(error, DDoSProtection | RateLimitExceeded):
            return
        headers: Mapping[str, Any] = getattr(self._exchange, "last_response_headers", None) or {}
        seconds = next((str(v) for k, v in headers.items() if k.lower() == "retry-after"), "")
        if seconds.isdigit():
            self._silent_until = self._clock.monotonic() + int(seconds)

    async def _with_retries(self, failure: str, call: Callable[[], Awaitable[T]]) -> T:
        """Try a few times, with back-off, then say what could not be done."""
        for attempt in range(len(BACKOFF) + 1):
            try:
                return await call()
            except TRANSIENT as error:
                if attempt == len(BACKOFF):
                    raise TriplaneError(f"{failure}: {error}") from error
                await self._clock.sleep(backoff(attempt, self._rng))
        raise AssertionError("unreachable")

    async def _sync(self) -> None:
        """Read the venue's clock, allowing for half the way there and back."""
        sent = self._clock.monotonic()
        server_ms = await self._request(self._exchange.fetch_time)
        if not server_ms:
            raise DataError("the venue sent no server time")
        now = self._clock.monotonic()
        self._server = (server_ms + (now - sent) * 500, now)

    def _server_ms(self) -> float:
        at_ms, moment = self._server
        return at_ms + (self._clock.monotonic() - moment) * 1000

    def _forming_ms(self) -> int:
        """Open time of the candle under way at the venue."""
        return int(self._server_ms()) // self.interval_ms * self.interval_ms

    # ---------------------------------------------------------------------------------------------- waiting in time
    async def _race(self, seconds: float, *tasks: "asyncio.Future[Any]") -> None:
        """Wait until one of the tasks is done or the time is over."""
        if any(task.done() for task in tasks):
            return
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({timer, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
