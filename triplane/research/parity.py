"""Paper against real: one strategy on one market, traded twice, and every difference explained or called a bug.

The market is a generated one on an exchange in a box. Once the simulated broker trades its candles; once the same core
trades on the box itself, through order manager, the adapter's codec and private stream, with a network of a constant
delay. All of it happens in virtual time in this process, so it takes seconds and a seed repeats it.

Trades are paired by market, side and the bar that they were decided on, and their executions leg by leg. A broker that
sees only candles must guess what came first inside one, and takes the worse; the box trades along a path. So a pair is

* ``same``: the same legs, prices within the modelled slippage and a tick;
* ``path``: the same legs, and prices apart by less than the range of the candle, as where a trigger was jumped over;
* ``order``: they part in a candle that holds more than one event of the trade, whose order a candle cannot tell;
* ``refused``: the venue does not take a conditional entry whose trigger has been passed; paper fills it at the open;
* ``open``: at the end of the run one of them had not closed;
* ``apart``: none of these.

A trade without a partner ``waits`` when the other side was still taking its last entry out at that very bar, which a
venue has to confirm; it ``follows`` when they had parted before and the other side was not free to make it; and is
``alone`` otherwise.

``apart`` and ``alone`` are errors.
"""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np

from triplane.data.candles import choose_timeframe
from triplane.data.generator import DEMO_START_MS, MINUTE, GeneratedMarket
from triplane.data.replay import GeneratedSource
from triplane.engine.emitter import Emitter
from triplane.engine.journal import Kind, Reader
from triplane.engine.session import JOURNAL, Session
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.engine.setup import Setup
from triplane.errors import BadInput
from triplane.exchange.account import FuturesAccount
from triplane.exchange.exchange import Exchange
from triplane.exchange.market import Kline, Market
from triplane.exchange.rules import MAKER_FEE, SLIPPAGE, TAKER_FEE
from triplane.kernel.codes import CommandKind, Leg, OrderEnd, Reason, RowKind, State
from triplane.kernel.records import CANDLE
from triplane.kernel.rows import OUTPUT, named, of_kind
from triplane.model.settings import PLAIN
from triplane.research.virtual import KEY, SECRET, VirtualClock, VirtualExecution, ask
from triplane.strategies.base import Number
from triplane.strategies.compiler import Core
from triplane.strategies.registry import find
from triplane.venues.wire import HttpRequest

Array = np.ndarray[Any, Any]
HISTORY: Final = 500
"""Bars before the first one that is traded."""
LIMITS: Final = TradingSettings(max_trades_day=100_000, daily_loss_share=0, max_drawdown=0, quality_gate=False)
LEVERAGE: Final = 10.0
BAD: Final = ("apart", "alone")
ENTRY: Final = Leg.ENTRY.label


# --------------------------------------------------------------------------------------------------------- the two runs
def _candle(market: Market, bar: Kline) -> Array:
    """The candle as a feed reads it: the nearest float of each exact price."""
    out = np.zeros(1, CANDLE)
    prices = (float(market.price(ticks)) for ticks in (bar.open, bar.high, bar.low, bar.close))
    out[0] = (bar.start, *prices, float(market.quantity(bar.lots)))
    return out


class Run:
    """Both sides on one market; made and carried out by :func:`compare`."""

    def __init__(self, folder: Path, core: Core, setup: Setup, seed: int, lag: int) -> None:
        begin = DEMO_START_MS + HISTORY * setup.timeframe_ms
        made = [GeneratedMarket(i.symbol, seed, DEMO_START_MS) for i in setup.instruments]
        self.markets = [Market(m.instrument, GeneratedSource(m), begin) for m in made]
        self.clock = VirtualClock(begin)
        account = FuturesAccount(KEY, SECRET, Decimal(str(setup.balance)))
        self.x = Exchange(self.markets, [account], self.clock, seed=seed, limits=False)
        for symbol in self.x.markets:
            for name, value in (("marginType", "ISOLATED"), ("leverage", str(int(setup.costs.leverage)))):
                ask(self.x, HttpRequest("POST", f"/fapi/v1/{name}", {"symbol": symbol, name: value}), begin)
        values = setup.to_dict()
        self.paper = Session.create(folder, Setup.from_dict(values | {"mode": "paper"}), core, begin)
        self.live = Session.create(folder, Setup.from_dict(values | {"mode": "testnet"}), core, begin + 1000)
        self.real = VirtualExecution(self.x, self.clock, self.live, lag)
        self.live.observer = Emitter(self.live, [self.real.bridge])
        self.candles: list[list[Array]] = [[] for _ in self.markets]
        self._warm_up(begin)

    def _warm_up(self, begin: int) -> None:
        for k, market in enumerate(self.markets):
            history = np.ascontiguousarray(
                market.source.before(begin, HISTORY * self.live.setup.timeframe_ms // MINUTE)
            )
            for session in (self.paper, self.live):
                session.feed_batch(np.full(len(history), k), history.copy())
        for session in (self.paper, self.live):
            for k in range(len(self.markets)):
                session.command(CommandKind.READY, k, time_ms=begin)

    def go(self, minutes: int) -> None:
        """Let the market go on."""
        end = self.clock.now + minutes * MINUTE
        while self.clock.now < end:
            times = [t for t in (self.x.next_due(), self.real.next_at()) if t is not None]
            self.clock.now = min(max(min(times), self.clock.now), end)
            self.x.tick()
            self.x.advance(self.clock.now)
            self._feed()
            self.real.turn()
        self.paper.close()
        self.live.close()

    def rows(self) -> list[Array]:
        """What each of them did, paper first: their journals hold it."""
        frames = [list(Reader(session.folder / JOURNAL)) for session in (self.paper, self.live)]
        return [
            np.frombuffer(b"".join(one.payload for one in side if one.kind == Kind.OUTPUT), OUTPUT) for side in frames
        ]

    def _feed(self) -> None:
        """The candles that have just closed, of one time and all markets."""
        known = self.live.last_open
        closed = [k for k, market in enumerate(self.markets) if market.bars and market.bars[-1].start > known[k]]
        if not closed:
            return
        candles = np.concatenate([_candle(self.markets[k], self.markets[k].bars[-1]) for k in closed])
        for i, k in enumerate(closed):
            self.candles[k].append(candles[i : i + 1])
        self.real.bridge.now = self.clock.now
        for session in (self.paper, self.live):
            session.feed_moment(np.array(closed), candles.copy())


# ------------------------------------------------------------------------------------------------------ what they did
@dataclass
class LegExecutions:
    """All executions of one leg of a trade."""

    lots: int = 0
    value: float = 0.0  # ticks x lots
    time: int = 0  # of the first one

    @property
    def ticks(self) -> float:
        """Average price."""
        return self.value / self.lots


@dataclass
class ComparedTrade:
    """One decision and what became of it."""

    k: int
    side: int
    time: int
    legs: dict[str, LegExecutions] = field(default_factory=dict)
    reason: str = ""  # why it closed
    pnl: float = 0.0
    closed: bool = False
    refused: bool = False


TradeKey = tuple[int, int, int]
"""Market, time of the decision, side."""


def trades_of(rows: Array) -> dict[TradeKey, ComparedTrade]:
    """Decisions by market, time and side, and what became of them."""
    found: dict[int, ComparedTrade] = {}
    for row in named(rows):
        if row.kind == RowKind.SIGNAL and not row.closing and row.decision not in found:
            found[row.decision] = ComparedTrade(row.symbol, row.side, row.time)
        trade = found.get(row.decision)
        if trade is None:
            continue
        if row.kind == RowKind.FILL:
            leg = trade.legs.setdefault(Leg(row.leg).label, LegExecutions(time=int(row.filled_at) or row.time))
            leg.lots += row.quantity_lots
            leg.value += row.price_ticks * row.quantity_lots
        elif row.kind == RowKind.TRADE:
            trade.closed, trade.reason, trade.pnl = True, Reason(row.reason).label, row.pnl
        elif row.kind == RowKind.ORDER and row.leg == Leg.ENTRY and row.end == OrderEnd.REJECTED:
            trade.refused = True
    return {(t.k, t.time, t.side): t for t in found.values()}


@dataclass
class Result:
    """What :func:`compare` found.

    Attributes
    ----------
    differences
        A sentence for each trade that is not ``same``.
    """

    paper: dict[TradeKey, ComparedTrade]
    real: dict[TradeKey, ComparedTrade]
    balances: tuple[float, float]
    classes: Counter[str] = field(default_factory=Counter)
    bps: list[float] = field(default_factory=list)
    fills: Counter[str] = field(default_factory=Counter)
    differences: list[dict[str, Any]] = field(default_factory=list)

    @property
    def agree(self) -> bool:
        """Whether every difference has its reason."""
        return not any(self.classes[name] for name in BAD)

    def to_dict(self) -> dict[str, Any]:
        """For JSON. Prices in basis points, positive where the real execution was the worse one."""
        bps = np.array(self.bps) if self.bps else np.zeros(1)
        exits = {name: Counter(t.reason for t in trades.values() if t.closed)
                 for name, trades in (("paper", self.paper), ("real", self.real))}  # fmt: skip
        return {
            "agree": self.agree,
            "trades": {"paper": len(self.paper), "real": len(self.real), **self.classes},
            "fills": {name: self.fills[name] for name in ("matched", "only_paper", "only_real")},
            "price_difference_bps": {
                "mean": round(float(bps.mean()), 4), "median": round(float(np.median(bps)), 4),
                "best": round(float(bps.min()), 4), "worst": round(float(bps.max()), 4),
                "modelled_slippage": SLIPPAGE * 1e4,
            },
            "net_pnl": {"paper": round(self.balances[0], 4), "real": round(self.balances[1], 4)},
            "exits": {name: dict(counts) for name, counts in exits.items()},
            "differences": self.differences,
        }  # fmt: skip


class _Comparison:
    """Compares trades."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.rows = run.rows()
        self.ticks = [float(m.tick) for m in run.markets]
        paper, real = (trades_of(rows) for rows in self.rows)
        start = run.live.setup.balance
        balances = tuple(float(s.A["balance"][0]) - start for s in (run.paper, run.live))
        self.parted = min((time for _, time, _ in paper.keys() ^ real.keys()), default=None)
        done = [{name: t for name, t in side.items() if t.legs or t.refused} for side in (paper, real)]
        self.result = Result(done[0], done[1], (balances[0], balances[1]))

    def all(self) -> Result:
        """Every pair and every trade without a partner."""
        paper, real = self.result.paper, self.result.real
        for name in sorted(paper.keys() | real.keys(), key=lambda n: (n[1], n[0])):
            mine, theirs = paper.get(name), real.get(name)
            if mine is not None and theirs is not None:
                verdict = self.pair(mine, theirs)
            else:
                one = mine or theirs
                assert one is not None  # noqa: S101 - the name came from one of them
                verdict = self.single(name, 1 if theirs is None else 0)
                self.result.fills["only_paper" if theirs is None else "only_real"] += len(one.legs)
            self.result.classes[verdict] += 1
            if verdict != "same":
                self.result.differences.append(self.describe(name, verdict, mine, theirs))
        return self.result

    def single(self, name: TradeKey, other: int) -> str:
        """The class of a trade that the other side did not make. Until they have parted, nothing can follow from it."""
        rows = self.rows[other]
        leaving = of_kind(rows[(rows["symbol"] == name[0]) & (rows["time"] == name[1])], RowKind.CANCEL)
        if (leaving["leg"] == Leg.ENTRY).any():
            return "waits"
        parted = bool(self.result.differences) or (self.parted is not None and self.parted < name[1])
        return "follows" if parted and self.was_busy(name, other) else "alone"

    def pair(self, paper: ComparedTrade, real: ComparedTrade) -> str:
        """The class of a pair; counts its fills."""
        within, inside = True, True
        for leg in paper.legs.keys() & real.legs.keys():
            self.result.fills["matched"] += 1
            bps, slip, span = self.leg(paper, real, leg)
            self.result.bps.append(bps)
            within = within and abs(bps) <= slip
            together = self.candle(paper.legs[leg].time) == self.candle(real.legs[leg].time)
            inside = inside and (abs(bps) <= slip + span or not together)
        self.result.fills["only_paper"] += len(paper.legs.keys() - real.legs.keys())
        self.result.fills["only_real"] += len(real.legs.keys() - paper.legs.keys())
        if paper.refused or real.refused:
            return "refused"
        same = paper.legs.keys() == real.legs.keys() and all(
            self.candle(paper.legs[leg].time) == self.candle(real.legs[leg].time) for leg in paper.legs
        )
        if same and within:
            return "same"
        if same and inside:
            return "path"
        if inside and self.crowded(paper, real):
            return "order"
        entries = [t.legs[ENTRY].ticks for t in (paper, real) if ENTRY in t.legs]
        if inside and len(set(entries)) == 2:  # stop and targets lie at distances from the fill: they are others, too
            return "path"
        return "open" if not (paper.closed and real.closed) else "apart"

    def leg(self, paper: ComparedTrade, real: ComparedTrade, name: str) -> tuple[float, float, float]:
        """How much worse the real price is, what slippage and a tick may make, and the candle's range; basis points."""
        a, b = paper.legs[name], real.legs[name]
        sign = paper.side if name == ENTRY else -paper.side
        unit = 1e4 / a.ticks
        candles = [
            c for c in self.run.candles[paper.k] if c["open_time"][0] in (self.candle(a.time), self.candle(b.time))
        ]
        span = max((float(c["high"][0] - c["low"][0]) / self.ticks[paper.k] for c in candles), default=0.0)
        return sign * (b.ticks - a.ticks) * unit, SLIPPAGE * 1e4 + unit, span * unit

    @staticmethod
    def candle(time: int) -> int:
        """Open time of the base candle of a moment."""
        return time // MINUTE * MINUTE

    def crowded(self, paper: ComparedTrade, real: ComparedTrade) -> bool:
        """Whether they part in a candle in which more than one thing happened to them."""
        moments = [{leg: self.candle(at.time) for leg, at in t.legs.items()} for t in (paper, real)]
        parted = [at for leg in moments[0].keys() | moments[1].keys()
                  for at in (moments[0].get(leg), moments[1].get(leg))
                  if at is not None and moments[0].get(leg) != moments[1].get(leg)]  # fmt: skip
        first = min(parted, default=None)
        return first is not None and len({leg for side in moments for leg, at in side.items() if at == first}) > 1

    def was_busy(self, name: TradeKey, which: int) -> bool:
        """Whether the other side could not make this trade: it was not scanning, or its account did not allow it."""
        k, time, _ = name
        rows = self.rows[which]
        rows = rows[rows["symbol"] == k]
        states = of_kind(rows[rows["time"] < time], RowKind.STATE)
        if len(states) and states[-1]["to_state"] != State.SCANNING:
            return True
        now = rows[rows["time"] == time]
        changed = of_kind(now, RowKind.STATE)
        entered = (changed["to_state"] == State.ENTRY_PENDING).any()
        return not entered and bool(len(changed) or len(of_kind(now, RowKind.REJECT)))

    def describe(
        self, name: TradeKey, verdict: str, paper: ComparedTrade | None, real: ComparedTrade | None
    ) -> dict[str, Any]:
        """One difference, for people and programs."""
        market = self.run.markets[name[0]]
        out: dict[str, Any] = {"symbol": market.symbol, "time": name[1], "side": name[2], "class": verdict}
        for side, trade in (("paper", paper), ("real", real)):
            if trade is not None:
                legs = {leg: [market.price(round(at.ticks)), at.time] for leg, at in trade.legs.items()}
                out[side] = {"exit": trade.reason, "pnl": round(trade.pnl, 4), "legs": legs}
        return out


def compare(
    strategy: str = "ema_cross",
    *,
    minutes: int = 240,
    symbols: Sequence[str] = ("BTCUSDT",),
    params: Mapping[str, object] | None = None,
    timeframe: str | None = None,
    seed: int = 1,
    lag: int = 40,
) -> Result:
    """Trade a generated market on paper and for real.

    Parameters
    ----------
    strategy, params, timeframe
        As for a backtest.
    minutes
        Of market time, after the history.
    symbols
        Of the generated market.
    seed
        Of the market.
    lag
        Milliseconds to the venue, and back.

    Raises
    ------
    BadInput
        For anything that cannot be run.
    """
    found = find(strategy)
    chosen: Mapping[str, Number] = found.resolve(params or {})
    if not 1 <= minutes <= 100_000:
        raise BadInput(f"minutes is {minutes}; it must be from 1 to 100000")
    if len(set(symbols)) != len(symbols) or not symbols:
        raise BadInput(f"symbols are {', '.join(symbols) or 'none'}; there must be one, and each may be given once")
    costs = CostSettings(
        **{**PLAIN, "slippage": SLIPPAGE, "through_ticks": 1, "leverage": LEVERAGE},
        maker_fee=float(MAKER_FEE),
        taker_fee=float(TAKER_FEE),
    )
    setup = Setup(
        strategy,
        chosen,
        tuple(GeneratedMarket(symbol, seed, DEMO_START_MS).instrument for symbol in symbols),
        MINUTE,
        choose_timeframe(MINUTE, timeframe, found.timeframe),
        source="parity",
        hold=True,
        trading=LIMITS,
        costs=costs,
    )
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder), setup.core(), setup, seed, lag)
        run.go(minutes)
        return _Comparison(run).all()
