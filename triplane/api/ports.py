"""What the API needs from the engine, and nothing more.

The reads answer at once from a replica: plain dictionaries whose shape is in ``triplane.api.schemas``. The engine never
waits for a reader. Only :meth:`EngineView.command` reaches the engine itself; it is journaled there before it acts.

Errors that an implementation may raise, and what the caller of the API gets: ``LookupError`` 404 (no such session,
symbol, order …), ``BadInput`` 422 (a value that is not allowed), ``TriplaneError`` 409 (not possible in this state).
"""

from collections.abc import Sequence
from typing import Any, Protocol

Payload = dict[str, Any]
"""A JSON object; times in ms, money as ``Decimal`` or text, market data as numbers."""


class EventLog(Protocol):
    """The last events of the session in the order of their ids, which only grow, also over a restart.

    Each event is ``{id, type, session_id, symbol, timestamp, data}`` and is not changed after it was added; one of type
    ``resync`` tells everybody to read again over REST. Every
    client of the WebSockets has a cursor into this log, so that a slow one costs its publisher nothing.
    """

    @property
    def first_id(self) -> int:
        """Id of the oldest event still held; ``last_id + 1`` when none is."""

    @property
    def last_id(self) -> int:
        """Id of the newest event; 0 before there was one."""

    def after(self, event_id: int, limit: int) -> Sequence[Payload]:
        """Give up to ``limit`` events with an id above ``event_id``, oldest first."""

    async def wait(self, event_id: int) -> None:
        """Return as soon as there is an event with an id above ``event_id``; may be cancelled at any time."""


class EngineView(Protocol):
    """The running engine as the API sees it."""

    @property
    def events(self) -> EventLog:
        """The log that the WebSockets are fed from."""

    def ready(self) -> bool:
        """Tell whether history is loaded and the session runs."""

    def status(self, symbol: str | None = None) -> Payload:
        """Give ``/system/status`` of ``symbol``, or of the session's first."""

    def signal_check(self, symbol: str) -> Payload:
        """Give each gate's verdict now."""

    def history(self, symbol: str, limit: int, before: int | None = None) -> Payload:
        """Give the last candles that opened before ``before`` (ms) with indicators, zones and markers."""

    def feed(self) -> Payload:
        """Give the state of the connection to the source of market data."""

    def portfolio(self) -> Payload:
        """Give the account with open positions and pending orders."""

    def performance(self) -> Payload:
        """Give the figures of the session so far."""

    def equity_curve(self, limit: int) -> Sequence[Payload]:
        """Give up to ``limit`` points ``{time, equity}`` of the whole curve, oldest first, the newest among them."""

    def pending_signals(self) -> Sequence[Payload]:
        """Give the signals that wait for a person, oldest first."""

    def decisions(self, limit: int) -> Sequence[Payload]:
        """Give the last ``limit`` entries of the log of decisions, oldest first."""

    def settings(self) -> Payload:
        """Give the limits and settings of the session, named as in ``kernel.records.LIMITS``."""

    async def command(self, kind: str, **fields: Any) -> Payload:
        """Journal and carry out what a person wants; gives ``{accepted, message}``.

        ===========  ===================================================================================================
        kind         fields
        ===========  ===================================================================================================
        start        strategy, symbols, timeframe, source, balance, parameters
        stop         session_id
        halt         flatten, reason; of every session
        resume       session_id, acknowledge (True)
        close        symbol
        cancel       symbol; the pending entry is cancelled
        market       symbol; the pending entry is executed at market
        execute      symbol, decision (of a pending signal)
        expire       symbol, decision (of a pending signal)
        simulate     symbol, side (+1, -1), stop (price, or None)
        reset        balance (or None for the one at the start)
        limits       values: the settings to change
        ===========  ===================================================================================================
        """
