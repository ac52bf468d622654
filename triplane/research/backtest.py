"""Backtests: the compiled core run over recorded candles as fast as it can, with the simulated broker inside.

Nothing here decides anything. The loop hands candles to the core and collects its audit rows; the result holds them,
so that a backtest and a live session can be compared row for row (``decisions_sha256``).
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

import numpy as np

from triplane.data.calendars import funding_events, fundings, merge_events
from triplane.data.candles import as_candles, choose_timeframe, infer_interval, parse_timeframe, timeframe_name
from triplane.data.instruments import Instrument
from triplane.engine.conduct import Conduct
from triplane.engine.decode import Decoder, Spoken
from triplane.engine.guards import Guards
from triplane.engine.heads import Heads
from triplane.engine.settings import CostSettings, TradingSettings, checked, fixed_lots
from triplane.errors import BadInput, TriplaneError
from triplane.kernel.codes import CommandKind, Reason, RowKind
from triplane.kernel.inputs import COMMAND, command
from triplane.kernel.records import CANDLE
from triplane.kernel.rows import LAST_DECISION, OUT_ROWS, OUTBOX, OUTPUT, of_kind
from triplane.model.facts import Fact, Trade
from triplane.model.performance import DAY_MS, performance
from triplane.model.settings import FEES, PLAIN, START_BALANCE
from triplane.research.check import check_once
from triplane.research.findings import of_market
from triplane.research.frames import Columns, Maker, fact_columns, maker
from triplane.strategies.base import AnyStrategy
from triplane.strategies.compiler import Core, compile_strategy
from triplane.strategies.registry import find, source_of

Array = np.ndarray[Any, Any]
COSTS: Final = CostSettings()
FUNDING_LIMIT: Final = 0.0005
ROWS: Final = 1 << 16
"""Audit rows that there is room for at first."""


@dataclass
class Backtest:
    """The result of a backtest.

    Attributes
    ----------
    candles, base_ms
        The base candles, array of ``records.CANDLE``, and their length.
    rows
        The audit trail, array of ``rows.OUTPUT``.
    equity_curve
        Equity at the close of each base candle, quote currency.
    seconds
        Time inside the loop, compilation not counted.
    """

    strategy: str
    symbol: str
    timeframe: str
    params: Mapping[str, Any]
    instrument: Instrument
    costs: CostSettings
    balance: float
    candles: Array
    base_ms: int
    rows: Array
    equity_curve: Array
    seconds: float
    make: Maker = field(repr=False)

    @cached_property
    def decisions_sha256(self) -> str:
        """SHA-256 over the bytes of every decision row, in order."""
        rows = self.rows.view(f"V{OUTPUT.itemsize}")  # NumPy copies a record field by field, and bytes at once
        return hashlib.sha256(rows[self.rows["kind"] <= LAST_DECISION].tobytes()).hexdigest()

    @cached_property
    def trade_columns(self) -> Columns:
        """The closed positions as arrays; times in ms UTC, money in the quote currency."""
        return trade_columns(of_kind(self.rows, RowKind.TRADE), float(self.instrument.lot_size))

    @property
    def trades(self) -> Any:
        """The trades, in the kind of frame that the candles came in."""
        return self.make(self._shown)

    @cached_property
    def facts(self) -> list[Fact]:
        """What was decided, as the facts that a session tells of it."""
        return Decoder(Heads("backtest"), [Spoken(self.instrument, Silent(self.strategy))]).decode(self.rows)

    @cached_property
    def _shown(self) -> Columns:
        """The trades, a column for each field of the fact; figures of the core to the last bit."""
        return fact_columns([fact for fact in self.facts if isinstance(fact, Trade)], Trade, self.trade_columns)

    @property
    def equity(self) -> Any:
        """Equity at the close of each candle, in the kind of frame that the candles came in.

        An array for arrays, a Series by time for pandas, a frame with ``open_time`` for others.
        """
        made = self.make({"open_time": self.candles["open_time"], "equity": self.equity_curve})
        if isinstance(made, np.ndarray):
            return self.equity_curve
        import narwhals as nw  # noqa: PLC0415 - loaded already, with the frame

        return made.set_index("open_time")["equity"] if nw.dependencies.is_pandas_dataframe(made) else made

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The performance figures; a figure that cannot be computed is None, ``metrics["reasons"]`` says why."""
        times, conduct = self.candles["open_time"], Conduct()
        conduct.take(self.rows)
        figures = performance(self.trade_columns, times, self.equity_curve, self.balance, conduct.stopped_at)
        figures["partial_fills"] = int((of_kind(self.rows, RowKind.FILL)["done"] == 0).sum())
        if not self.candles["volume"].any():
            figures["partial_fills"] = None
            figures["reasons"]["partial_fills"] = "the candles have no volume: participation and impact are off"
        return {
            **of_market(self.candles, self.base_ms),
            **figures,
            **conduct.figures(int(times[0]), int(times[-1]) + self.base_ms),
            "decisions_sha256": self.decisions_sha256,
        }

    def summary(self) -> dict[str, Any]:
        """Everything that the command line prints as JSON."""
        return {
            "strategy": self.strategy,
            "symbol": self.symbol,
            "timeframe": self.timeframe,
            "params": dict(self.params),
            "costs": self.costs.model_dump(),
            **self.metrics,
            "seconds": round(self.seconds, 6),
            "bars_per_second": round(len(self.candles) / self.seconds) if self.seconds > 0 else None,
        }


@dataclass(frozen=True, slots=True)
class Silent:
    """A strategy that gives its signals no words; nobody reads them here."""

    name: str
    reasons: Sequence[str] = ()
    sees: Sequence[str] = ()


def trade_columns(rows: Array, lot_size: float | Array) -> Columns:
    """The columns of the trades: closed positions, as rows of ``rows.TRADE_ROW``."""
    return {
        "entry_time": rows["entry_time"].astype(np.int64),
        "exit_time": rows["exit_time"].astype(np.int64),
        "side": np.where(rows["side"] > 0, "long", "short").astype(object),
        "quantity": rows["quantity_lots"] * lot_size,
        **{name: rows[name] for name in ("entry_price", "exit_price", "pnl", "fees")},
        "exit_reason": np.array(Reason.labels, dtype=object)[rows["reason"]],
        **{name: rows[name] for name in ("r_multiple", "mae", "mfe", "slippage", "funding")},
        "bars_held": rows["bars_held"].astype(np.int64),
    }


class _Collector:
    """Keeps the audit rows of one run: the outbox lies behind those that are there, so that none is ever copied."""

    def __init__(self) -> None:
        self._rows = np.empty(ROWS + OUT_ROWS, OUTPUT)
        self._count = 0
        self.out = self._rows[:OUT_ROWS].view(OUTBOX)

    def drain(self, account: Array) -> None:
        count = account["n_out"].item(0)
        if count == 0:
            return
        account["n_out"] = 0
        self._count += count
        if self._count + OUT_ROWS > len(self._rows):
            grown = np.empty(2 * len(self._rows), OUTPUT)
            grown[: self._count] = self.rows()
            self._rows = grown
        self.out = self._rows[self._count : self._count + OUT_ROWS].view(OUTBOX)

    def rows(self) -> Array:
        return self._rows[: self._count]


def _stops(candles: Array, base_ms: int, given: Array) -> tuple[list[int], Array]:
    """Where to stop for each command, and last for the end; commands that nothing comes after are left out."""
    if len(given) == 0:
        return [len(candles)], given
    if given.dtype != COMMAND or (np.diff(given["time"]) < 0).any():
        raise BadInput("commands must be an array of COMMAND records in order of time.")
    stops = np.searchsorted(candles["open_time"] + base_ms, given["time"], side="right")
    given = given[stops < len(candles)]
    return [*stops[stops < len(candles)].tolist(), len(candles)], given


def model_data(strategy: AnyStrategy, regime: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the strategy is given before it starts; raises BadInput when it has no use for a regime model."""
    if regime is None:
        return {}
    if getattr(strategy, "prepare", None) is None:
        raise BadInput(f"Strategy {strategy.name} takes no regime model; regime_trend and confluence do.")
    return {"regime": regime}


def _with_verdicts(commands: Array | None, guards: Sequence[str], symbol: str, candles: Array) -> Array:
    """The commands of a run, and the verdicts of a user's guards among them."""
    given = np.zeros(0, COMMAND) if commands is None else np.ascontiguousarray(commands)
    return merge_events(given, Guards(guards, (symbol,), strict=True).commands(candles)) if guards else given


def _mornings(candles: Array) -> Array:
    """A RESUME at 00:00 UTC of each day of the candles but the first."""
    days = np.unique(candles["open_time"] // DAY_MS)[1:]
    made = np.zeros(len(days), COMMAND)
    made["time"], made["kind"] = days * DAY_MS, CommandKind.RESUME
    return made


def drive(
    core: Core,
    account: Array,
    states: Array,
    candles: Array,
    base_ms: int,
    commands: Array,
    resume: bool = False,
    which: Array | None = None,
) -> tuple[Array, Array, float]:
    """Take all candles and commands, then close what is open; returns rows, equity curve and seconds.

    ``resume``: the first thing of a day is to acknowledge the daily loss of the one before. ``which``: the row of each
    candle, all the first by default. A funding is for the market that it names, all else for the account.
    """
    if resume:
        commands = merge_events(_mornings(candles), commands)
    collector = _Collector()
    which = np.zeros(len(candles), np.int64) if which is None else which
    markets = states["core"]["market"]
    curve = np.empty(len(candles))
    begin = time.perf_counter()
    at = 0
    stops, commands = _stops(candles, base_ms, commands)
    for number, stop in enumerate(stops):
        while at < stop:
            at = core.run(account, states, which, candles[:stop], collector.out, curve, at)
            collector.drain(account)
            if states["core"]["raised"].any():
                failures = [core.failed(states, k) for k in range(len(states))]
                raise TriplaneError(str(next(one for one in failures if one is not None)))
        idle = resume and account["halt_code"][0] != Reason.DAILY_LOSS  # there is nothing to resume from
        if number < len(commands) and not (idle and commands["kind"][number] == CommandKind.RESUME):
            given = commands[number : number + 1]
            funding = given["kind"][0] == CommandKind.FUNDING_RATE
            every = given["kind"][0] == CommandKind.RESUME
            rows = np.flatnonzero(every | (markets == given["number"][0])) if funding or every else [0]
            for k in rows:
                core.on_command(account, states, int(k), given, collector.out)
                collector.drain(account)
    end = command(CommandKind.END, int(candles["open_time"][-1]) + base_ms)
    for k in range(len(states)):
        core.on_command(account, states, k, end, collector.out)
        collector.drain(account)
    curve[-1] = account[0]["equity"]
    return collector.rows(), curve, time.perf_counter() - begin


def simulate(
    candles: Array,
    *,
    strategy: str,
    symbol: str,
    timeframe: str | None = None,
    params: Mapping[str, object] | None = None,
    instrument: Instrument | None = None,
    balance: float = START_BALANCE,
    quantity: float | str | Decimal | None = None,
    costs: CostSettings = COSTS,
    settings: TradingSettings | None = None,
    progress: Callable[[str], None] | None = None,
    make: Maker | None = None,
    commands: Array | None = None,
    guards: Sequence[str] = (),
    regime: Mapping[str, Any] | None = None,
    resume_next_day: bool = False,
) -> Backtest:
    """Run one strategy over one market; see :func:`backtest` for the arguments.

    Besides those: ``commands``, an array of ``inputs.COMMAND`` in order of time, such as the gate events of
    ``data/calendars.py``: each is carried out before any candle that closes after its time. ``guards`` are a user's own
    (``engine/guards.py``). ``regime`` is a regime model (``strategies/regime_model.py``) for a strategy that uses one.
    """
    found = find(strategy)
    chosen = found.resolve(params or {})
    instrument = instrument or Instrument.research(symbol, float(candles["open"][0]))
    instrument.require_fit(float(candles["low"].min()), float(candles["high"].max()))
    costs = costs.charged(FEES[instrument.market])
    if not balance > 0:
        raise BadInput(f"balance is {balance}; it must be more than 0.")
    base_ms = infer_interval(candles) if len(candles) > 1 else parse_timeframe(timeframe or found.timeframe)
    timeframe_ms = choose_timeframe(base_ms, timeframe, found.timeframe)
    limits = (settings or TradingSettings()).to_record(fixed_lots(instrument, quantity))
    core = compile_strategy(found, source_of(strategy), progress)
    account, states = core.new(
        [instrument],
        costs=costs.to_record(),
        limits=limits,
        params=chosen,
        base_ms=base_ms,
        timeframe_ms=timeframe_ms,
        balance=float(balance),
        data=model_data(found, regime),
    )
    candles = np.ascontiguousarray(candles).view(CANDLE)
    commands = _with_verdicts(commands, guards, symbol, candles)
    rows, curve, seconds = drive(core, account, states, candles, base_ms, commands, resume_next_day)
    return Backtest(
        strategy=found.name,
        symbol=symbol,
        timeframe=timeframe_name(timeframe_ms),
        params=chosen,
        instrument=instrument,
        costs=costs,
        balance=float(balance),
        candles=candles,
        base_ms=base_ms,
        rows=rows,
        equity_curve=curve,
        seconds=seconds,
        make=make or maker(candles),
    )


def backtest_costs(
    fee: float | None = None,
    slippage: float | None = None,
    leverage: float = COSTS.leverage,
    **more: float | None,
) -> CostSettings:
    """Costs with one fee for maker and taker; raises BadInput for a value out of range.

    What is None has its default. A slippage that is given is the whole of it: impact, participation and latency are
    off unless ``more`` names them.
    """
    given = {"maker_fee": fee, "taker_fee": fee, "slippage": slippage, "leverage": leverage, **more}
    values = {name: value for name, value in given.items() if value is not None}
    if slippage is not None:
        values = {**PLAIN, **values}
    return checked(CostSettings, values, "backtest", {"maker_fee": "fee", "taker_fee": "fee"})


def backtest(
    candles: Any,
    strategy: str,
    *,
    symbol: str = "BTCUSDT",
    timeframe: str | None = None,
    balance: float = START_BALANCE,
    fee: float | None = None,
    slippage: float | None = None,
    quantity: float | str | Decimal | None = None,
    leverage: float = COSTS.leverage,
    instrument: Instrument | None = None,
    settings: TradingSettings | None = None,
    resume_next_day: bool = False,
    funding: Any = None,
    funding_limit: float = FUNDING_LIMIT,
    costs: CostSettings | None = None,
    **params: object,
) -> Backtest:
    """Run a strategy over recorded candles with the simulated broker.

    Parameters
    ----------
    candles
        Any frame or array of candles, see :func:`triplane.data.candles.as_candles`.
    strategy, symbol
        Name of a strategy, or path of a strategy file; name of the market in the result.
    timeframe
        Bars to decide on, such as ``15m``: the candles' own or a multiple (then the finer candles settle what happened
        inside a bar). Default: the one that the strategy was made for.
    balance, fee, slippage
        Quote currency to start with; fractions of the notional (maker and taker alike) and of the price. By default the
        fees of the market, half a spread, and the impact of size; a slippage that is given is all there is of it.
    quantity
        Fixed size in base units, for research: account limits, sizing and cool-down are off, but an account that is
        lost ends the run all the same. Without it the default risk profile (or ``settings``) applies.
    leverage, instrument
        Isolated, 1 to 125; ticks, lots and minimums, by default a grid that follows the first price, no minimums.
    resume_next_day
        Acknowledge a daily loss that halted trading at the next 00:00 UTC, for research; else a halt lasts.
    funding, funding_limit
        Fundings of a perpetual, a frame with the columns ``funding_time`` and ``funding_rate`` (and ``mark_price``):
        each is charged, and there are no entries before one whose rate is expected to be above the limit.
    costs
        All costs, instead of ``fee``, ``slippage`` and ``leverage``.
    **params
        Parameters of the strategy.

    Returns
    -------
    Backtest
        ``.trades`` and ``.equity`` in the kind of frame that came in, times in UTC; ``.metrics``.

    Raises
    ------
    BadInput
        In one sentence, for candles that cannot be used, an unknown strategy or parameter, or a value out of range.
    """
    check_once(strategy)
    return simulate(
        as_candles(candles),
        strategy=strategy,
        symbol=symbol,
        timeframe=timeframe,
        params=params,
        instrument=instrument,
        balance=balance,
        quantity=quantity,
        costs=costs or backtest_costs(fee, slippage, leverage),
        settings=settings,
        resume_next_day=resume_next_day,
        make=maker(candles),
        commands=None if funding is None else funding_events(fundings(funding, [symbol]), funding_limit),
    )
