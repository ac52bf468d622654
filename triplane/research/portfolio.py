"""Backtests of a portfolio: several strategies, markets and timeframes on one account, in the order of time.

The same sleeves, rows and compiled step as in a session (``engine/portfolio.py``), so both decide the same.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import narwhals as nw
import numpy as np

from triplane.data.calendars import funding_events, fundings, merge_events
from triplane.data.candles import as_candles, infer_interval, timeframe_name
from triplane.data.instruments import Instrument, rules_for
from triplane.engine.conduct import Conduct
from triplane.engine.decode import Decoder, Spoken
from triplane.engine.heads import Heads
from triplane.engine.portfolio import FanOut, all_symbols, sleeves_of
from triplane.engine.setup import Setup
from triplane.errors import BadInput
from triplane.kernel.codes import RowKind
from triplane.kernel.inputs import COMMAND
from triplane.kernel.records import CANDLE
from triplane.kernel.rows import LAST_DECISION, of_kind
from triplane.model.facts import Trade
from triplane.model.performance import performance
from triplane.model.settings import FEES, START_BALANCE, CostSettings, SleeveSettings, TradingSettings, checked
from triplane.research.backtest import COSTS, FUNDING_LIMIT, Silent, drive, trade_columns
from triplane.research.check import check_once
from triplane.research.findings import of_market
from triplane.research.frames import Columns, Maker, fact_columns, maker
from triplane.strategies.compiler import compile_strategies
from triplane.strategies.registry import find, source_of

Array = np.ndarray[Any, Any]


@dataclass
class PortfolioBacktest:
    """The result of a backtest of a portfolio.

    Attributes
    ----------
    setup
        Sleeves, markets, costs and limits.
    candles
        The base candles by symbol, arrays of ``records.CANDLE``.
    rows
        The audit trail, array of ``rows.OUTPUT``.
    times, equity_curve
        The open time of each time at which a candle closed, ms, and the equity then, quote currency.
    seconds
        Time inside the loop, compilation not counted.
    """

    setup: Setup
    candles: Mapping[str, Array]
    rows: Array
    times: Array
    equity_curve: Array
    seconds: float
    make: Maker = field(repr=False)

    @cached_property
    def decisions_sha256(self) -> str:
        """SHA-256 over the bytes of every decision row, in order."""
        return hashlib.sha256(self.rows[self.rows["kind"] <= LAST_DECISION].tobytes()).hexdigest()

    @cached_property
    def _closed(self) -> Array:
        return of_kind(self.rows, RowKind.TRADE)

    def _columns(self, closed: Array) -> Columns:
        lots = np.array([float(row.instrument.lot_size) for row in self.setup.rows])
        return trade_columns(closed, lots[closed["symbol"]])

    @property
    def trades(self) -> Any:
        """The trades with their symbols and sleeves, in the kind of frame that the candles came in."""
        spoken = [Spoken(row.instrument, Silent(row.sleeve.strategy), row.sleeve.name) for row in self.setup.rows]
        facts = [one for one in Decoder(Heads("backtest"), spoken).decode(self.rows) if isinstance(one, Trade)]
        where = {name: np.array([getattr(one, name) for one in facts], object) for name in ("symbol", "sleeve")}
        return self.make({**where, **fact_columns(facts, Trade, self._columns(self._closed))})

    @property
    def equity(self) -> Any:
        """Equity by time, as of :class:`Backtest`."""
        made = self.make({"open_time": self.times, "equity": self.equity_curve})
        if isinstance(made, np.ndarray):
            return self.equity_curve
        return made.set_index("open_time")["equity"] if nw.dependencies.is_pandas_dataframe(made) else made

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The performance figures of the account; ``sleeves`` has what each sleeve earned, ``markets`` the data."""
        conduct, balance = Conduct(), self.setup.balance
        conduct.take(self.rows)
        figures = performance(self._columns(self._closed), self.times, self.equity_curve, balance, conduct.stopped_at)
        end = int(self.times[-1]) + self.setup.base_ms
        return {
            **figures,
            **conduct.figures(int(self.times[0]), end),
            "sleeves": [self._of_sleeve(i) for i in range(len(self.setup.sleeves))],
            "markets": {symbol: of_market(one, self.setup.base_ms) for symbol, one in self.candles.items()},
            "decisions_sha256": self.decisions_sha256,
        }

    def _of_sleeve(self, number: int) -> dict[str, Any]:
        """What one sleeve did; money in the quote currency, before what is open at the end is closed: all of it."""
        sleeve = self.setup.sleeves[number]
        own = [k for k, row in enumerate(self.setup.rows) if row.sleeve is sleeve]
        closed = self._closed[np.isin(self._closed["symbol"], own)]
        count = len(closed)
        return {
            "sleeve": sleeve.name,
            "strategy": sleeve.strategy,
            "timeframe": timeframe_name(sleeve.timeframe_ms),
            "symbols": list(sleeve.symbols),
            "params": dict(sleeve.params),
            "trades": count,
            "net_pnl": float(closed["pnl"].sum()),
            "win_rate": float((closed["pnl"] > 0).mean()) if count else None,
            "fees": float(closed["fees"].sum()),
        }

    def summary(self) -> dict[str, Any]:
        """Everything that the command line prints as JSON."""
        count = sum(len(one) for one in self.candles.values())
        return {
            "strategy": self.setup.strategy,
            "symbols": list(self.setup.symbols),
            "costs": self.setup.costs.model_dump(),
            **self.metrics,
            "seconds": round(self.seconds, 6),
            "bars_per_second": round(count / self.seconds) if self.seconds > 0 else None,
        }


def backtest_portfolio(
    candles: Mapping[str, Any],
    portfolio: Sequence[SleeveSettings | Mapping[str, Any]],
    *,
    balance: float = START_BALANCE,
    costs: CostSettings | None = None,
    settings: TradingSettings | None = None,
    instruments: Mapping[str, Instrument] | None = None,
    resume_next_day: bool = False,
    commands: Array | None = None,
    funding: Any = None,
    funding_limit: float = FUNDING_LIMIT,
    progress: Callable[[str], None] | None = None,
) -> PortfolioBacktest:
    """Run a portfolio over recorded candles with the simulated broker.

    Parameters
    ----------
    candles
        Frames or arrays of candles by symbol, all of one length; see :func:`triplane.data.candles.as_candles`.
    portfolio
        The sleeves: mappings with ``strategy``, and if wanted ``symbols``, ``timeframe``, ``params`` and ``name``.
    balance, costs, settings
        Quote currency to start with; what the market charges; the limits of the account.
    instruments
        Trading rules by symbol; by default those that are known, else a grid that follows the first price.
    resume_next_day, funding_limit
        As for :func:`triplane.backtest`.
    commands
        Array of ``inputs.COMMAND`` in order of time, such as those of a news calendar.
    funding
        As for :func:`triplane.backtest`; with several symbols its column ``symbol`` tells whose each is.

    Raises
    ------
    BadInput
        In one sentence, for what cannot be used.
    """
    if not portfolio or not candles:
        raise BadInput("portfolio and candles must not be empty")
    chosen = [
        one if isinstance(one, SleeveSettings) else checked(SleeveSettings, one, "portfolio") for one in portfolio
    ]
    for name in dict.fromkeys(one.strategy for one in chosen):
        check_once(name, progress=progress)
    if not balance > 0:
        raise BadInput(f"balance is {balance}; it must be more than 0.")
    taken, base_ms = _taken(candles, all_symbols(chosen, []) or list(candles))
    rules = [(instruments or {}).get(symbol) or rules_for(symbol, one) for symbol, one in taken.items()]
    for rule, one in zip(rules, taken.values(), strict=True):
        rule.require_fit(float(one["low"].min()), float(one["high"].max()))
    setup = Setup.of(
        sleeves_of(chosen, list(taken), base_ms), rules, base_ms, balance=float(balance),
        trading=settings or TradingSettings(), costs=(costs or COSTS).charged(FEES[rules[0].market]),
    )  # fmt: skip
    events = np.zeros(0, COMMAND) if commands is None else commands
    if funding is not None:
        events = merge_events(events, funding_events(fundings(funding, list(taken)), funding_limit))
    return _run(setup, taken, events, resume_next_day, maker(next(iter(candles.values())), own_rows=False), progress)


def _taken(candles: Mapping[str, Any], symbols: Sequence[str]) -> tuple[dict[str, Array], int]:
    """The candles of some symbols, and their length in ms."""
    missing = [symbol for symbol in symbols if symbol not in candles]
    if missing:
        raise BadInput(f"symbols name {missing[0]}; there are candles of {', '.join(candles)}")
    taken = {symbol: np.ascontiguousarray(as_candles(candles[symbol])).view(CANDLE) for symbol in symbols}
    lengths = {symbol: infer_interval(one) for symbol, one in taken.items()}
    base_ms = min(lengths.values())
    for symbol, length in lengths.items():
        if length != base_ms:
            told = f"{timeframe_name(length)}; all must be {timeframe_name(base_ms)}"
            raise BadInput(f"candles of {symbol} are {told}")
    return taken, base_ms


def _run(
    setup: Setup, candles: Mapping[str, Array], commands: Array, resume: bool, make: Maker,
    progress: Callable[[str], None] | None,
) -> PortfolioBacktest:  # fmt: skip
    core = compile_strategies([(find(name), source_of(name)) for name in setup.strategies], progress)
    account, states = setup.start(core)
    which = np.repeat(np.arange(len(candles)), [len(one) for one in candles.values()])
    every = np.concatenate(list(candles.values()))
    order = np.argsort(every["open_time"], kind="stable")
    rows, every = FanOut(setup.rows, len(candles))(which[order], every[order])
    rows, every = np.ascontiguousarray(rows, np.int64), np.ascontiguousarray(every)
    out, curve, seconds = drive(core, account, states, every, setup.base_ms, commands, resume, rows)
    times = every["open_time"]
    last = np.append(times[1:] != times[:-1], True)
    return PortfolioBacktest(setup, candles, out, times[last].copy(), curve[last].copy(), seconds, make)
