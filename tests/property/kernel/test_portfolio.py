"""What holds for an account of several symbols, whatever its strategies, its user and its venue do."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portfolio import BALANCE, DAY, MINUTE, Portfolio, candle, candles

from triplane.engine.session import Session
from triplane.engine.settings import CostSettings
from triplane.engine.setup import Setup
from triplane.kernel.codes import CommandKind, Gate, Leg, OrderEnd, Reason, RowKind
from triplane.kernel.inputs import command
from triplane.kernel.rows import named
from triplane.strategies.base import Cancel, Close, Enter, Manage, Reduce

SYMBOLS = st.integers(0, 4)
COSTS = st.fixed_dictionaries(
    {"maker_fee": st.sampled_from([-0.0001, 0.0004]), "taker_fee": st.sampled_from([0.0, 0.0005]),
     "slippage": st.sampled_from([0.0, 0.001]), "through_ticks": st.integers(0, 2),
     "leverage": st.sampled_from([1.0, 3.0, 20.0]), "impact": st.sampled_from([0.0, 1.0]),
     "participation": st.sampled_from([0.0, 0.1]), "latency_ms": st.sampled_from([0, 0, 90_000])}
)  # fmt: skip
LIMITS = st.fixed_dictionaries(
    {"max_open_positions": st.integers(1, 4), "max_trades_day": st.integers(1, 6),
     "max_margin_use": st.sampled_from([0.1, 0.3, 1.0]), "max_position_share": st.sampled_from([0.1, 0.5, 3.0]),
     "max_symbol_share": st.sampled_from([0.25, 10.0]), "risk_per_trade": st.sampled_from([0.01, 0.5]),
     "daily_loss_share": st.sampled_from([0.0, 0.01]), "max_drawdown": st.sampled_from([0.0, 0.02, 0.2]),
     "cooldown_bars": st.integers(0, 2), "break_even": st.booleans(), "quality_gate": st.booleans(),
     "execution_mode": st.sampled_from(["auto", "auto", "manual"])}
)  # fmt: skip


@dataclass(frozen=True)
class Wish:
    """An entry, in ticks of a tenth from the close of the bar that it is asked for on."""

    side: int
    kind: str
    away: int
    stop: int
    targets: tuple[int, ...]
    trail: int
    ttl: int
    confidence: float
    quantity: float
    weight: float

    def at(self, close: float) -> Enter:
        return Enter(
            self.side, entry=None if self.kind == "market" else close + self.away / 10, entry_type=self.kind,
            stop_distance=self.stop / 10,
            target_distances=[t / 10 for t in self.targets], trail_distance=self.trail / 10, ttl_bars=self.ttl,
            confidence=self.confidence, quantity=self.quantity, weight=self.weight,
        )  # fmt: skip


@dataclass(frozen=True)
class Manages:
    """What is asked of a position or a pending entry, prices as in :class:`Wish`."""

    what: str
    share: float
    stop: int
    target: int

    def at(self, close: float) -> Close | Reduce | Manage | Cancel:
        if self.what == "manage":
            return Manage(stop=close + self.stop / 10, targets=[close + self.target / 10])
        return {"close": Close(), "reduce": Reduce(self.share), "cancel": Cancel()}[self.what]


WISHES = st.builds(
    Wish,
    side=st.sampled_from([1, -1]),
    kind=st.sampled_from(["market", "limit", "stop_market"]),
    away=st.integers(-30, 30),
    stop=st.sampled_from([0, 3, 15, 60]),
    targets=st.lists(st.sampled_from([5, 10, 40]), max_size=3).map(lambda found: tuple(sorted(found))),
    trail=st.sampled_from([0, 0, 12]),
    ttl=st.integers(-1, 3),
    confidence=st.sampled_from([0.2, 0.5, 0.8]),
    quantity=st.sampled_from([0.0, 0.0, 2.5]),
    weight=st.sampled_from([0.0, 0.0, 0.3]),
)
MANAGES = st.builds(
    Manages,
    what=st.sampled_from(["close", "reduce", "manage", "cancel"]),
    share=st.sampled_from([0.1, 0.5, 1.0]),
    stop=st.integers(-30, 30),
    target=st.integers(-30, 30),
)


@dataclass(frozen=True)
class Candles:
    """A moment: candles of some symbols, some minutes after the one before, and what the strategies say."""

    later: int
    absent: frozenset[int]
    says: dict[int, Wish | Manages]


@dataclass(frozen=True)
class Order:
    """A command to one symbol, or to each (-1)."""

    kind: CommandKind
    k: int
    number: int
    flag: int
    price: float


MOMENTS = st.builds(
    Candles,
    later=st.sampled_from([1] * 12 + [2, 30, 700, 1440]),
    absent=st.frozensets(SYMBOLS, max_size=2) | st.just(frozenset[int]()),
    says=st.dictionaries(SYMBOLS, st.one_of(MANAGES, WISHES, WISHES), max_size=5),
)
ORDERS = st.builds(
    Order,
    kind=st.sampled_from([
        CommandKind.HALT, CommandKind.RESUME, CommandKind.CLOSE, CommandKind.CANCEL, CommandKind.MARKET,
        CommandKind.EXECUTE, CommandKind.EXPIRE, CommandKind.GATE, CommandKind.SIMULATE, CommandKind.AMEND,
        CommandKind.FUNDING, CommandKind.RESET,
    ]),
    k=st.integers(-1, 4),
    number=st.integers(0, 60),
    flag=st.integers(0, 1),
    price=st.sampled_from([0.0, 0.97, 1.0, 1.02]),
)  # fmt: skip


class Life:
    """Draws the prices, and takes the steps."""

    def __init__(self, p: Portfolio, seed: int, width: int, start: int) -> None:
        self.p = p
        self.rng = np.random.default_rng(seed)
        self.width = width
        self.time = start - MINUTE
        self.close = [1000] * p.n

    def _prices(self, k: int) -> tuple[float, float, float, float]:
        w = self.width
        opened = self.close[k] + int(self.rng.integers(-w, w + 1)) * int(self.rng.random() < 0.3)
        closed = max(opened + int(self.rng.integers(-w, w + 1)), 300)
        opened = max(opened, 300)
        high = max(opened, closed) + int(self.rng.integers(0, w))
        low = min(opened, closed) - int(self.rng.integers(0, w))
        self.close[k] = closed
        return opened / 10, high / 10, low / 10, closed / 10

    def candles(self, step: Candles) -> tuple[list[int], Any]:
        """The candles of a moment; what is said to them is known from here on."""
        self.time += step.later * MINUTE
        which = [k for k in range(self.p.n) if k not in step.absent] or [0]
        made = candles(
            [candle(self.time, self._prices(k), float(self.rng.choice([0.0, 20.0, 300.0, 1e6]))) for k in which]
        )
        said = {k: step.says[k] for k in step.says if k in which}
        self.p.says[self.time] = {k: w.at(self.close[k] / 10) for k, w in said.items()}
        return which, made

    def fields(self, step: Order, k: int) -> dict[str, Any]:
        """What goes with a command."""
        close = self.close[k] / 10
        some = {
            CommandKind.HALT: {"reason": Reason.MANUAL, "close": step.flag, "price": close * step.price},
            CommandKind.CLOSE: {"price": close * step.price},
            CommandKind.MARKET: {"price": close * step.price},
            CommandKind.EXECUTE: {"price": close * step.price},
            CommandKind.GATE: {"gate": step.number % len(Gate), "closed": step.flag},
            CommandKind.SIMULATE: {"side": 2 * step.flag - 1, "stop": close * (1 - (2 * step.flag - 1) * 0.02)},
            CommandKind.AMEND: {"stop": close + (step.number - 30) / 10, "targets": [close + 1, close - 2, 0.0]},
            CommandKind.FUNDING: {"received": (step.number - 30) / 8},
            CommandKind.RESET: {"balance": BALANCE / 2},
        }
        return some.get(step.kind, {})

    def take(self, step: Candles | Order) -> Any:
        """One step; returns the rows."""
        if isinstance(step, Candles):
            return self.p.moment(*self.candles(step))
        told = range(self.p.n) if step.k < 0 else [step.k % self.p.n]
        return np.concatenate([self.p.command(step.kind, k, self.time + MINUTE, **self.fields(step, k)) for k in told])


STARTS = st.sampled_from([20_000 * DAY, 20_001 * DAY - 5 * MINUTE])


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    n=st.integers(2, 5), limits=LIMITS, costs=COSTS, seed=st.integers(0, 2**32 - 1), width=st.sampled_from([4, 15, 60]),
    start=STARTS, steps=st.lists(st.one_of(MOMENTS, MOMENTS, ORDERS), min_size=12, max_size=40),
)  # fmt: skip
def test_a_portfolio_with_commands_keeps_its_limits_and_its_books(n, limits, costs, seed, width, start, steps):
    life = Life(Portfolio(n, limits, costs), seed, width, start)
    for step in steps:
        life.take(step)


# ---------------------------------------------------------------------------------------------------- at a venue
@dataclass(frozen=True)
class Deed:
    """What a venue does with an order that works there, and how long nobody hears of it."""

    pick: int
    what: str
    part: float
    price: int
    late: int


DEEDS = st.builds(
    Deed,
    pick=st.integers(0, 20),
    what=st.sampled_from(["fill", "fill", "fill", "end", "reject", "passed", "trade", "funding", "transfer"]),
    part=st.sampled_from([1.0, 1.0, 0.3, 0.6]),
    price=st.integers(-20, 20),
    late=st.sampled_from([0, 0, 0, 1, 3, 6]),
)


class Venue:
    """A venue that fills, refuses and ends orders as it likes; what it says arrives late and in any order."""

    def __init__(self, life: Life) -> None:
        self.life, self.p = life, life.p
        self.orders: dict[int, dict[str, int]] = {}
        self.lots = [0] * life.p.n
        self.over: set[int] = set()
        self.begun: set[int] = set()
        self.trades = 0
        self.clock = 0
        self.mail: list[tuple[int, int, CommandKind, dict[str, Any]]] = []

    def heard(self, rows: Any) -> None:
        """Orders arrive at once; a cancellation takes the order out, if it is still there."""
        for row in named(rows):
            if row.kind == RowKind.PLACE:
                self.orders[row.order] = {
                    "k": row.symbol, "leg": row.leg, "side": row.side, "left": row.quantity_lots,
                    "reduce": row.reduce_only,
                }  # fmt: skip
            elif row.kind == RowKind.AMEND and row.order in self.orders:
                self.orders[row.order]["left"] = row.quantity_lots
            elif row.kind == RowKind.CANCEL and row.order in self.orders:
                self.end(row.order, OrderEnd.CANCELLED, row.order % 4)

    def end(self, number: int, end: OrderEnd, late: int, passed: int = 0) -> None:
        order = self.orders.pop(number)
        what = {"leg": order["leg"], "order": number, "end": end, "passed": passed}
        self.mail.append((self.clock + late, order["k"], CommandKind.ORDER_END, what))

    def fill(self, number: int, deed: Deed) -> None:
        order = self.orders[number]
        k, side = order["k"], order["side"]
        room = max(-self.lots[k] * side, 0) if order["reduce"] else order["left"]
        lots = min(order["left"], room, max(int(order["left"] * deed.part), 1))
        if lots <= 0 or (not order["reduce"] and self.lots[k] * side < 0):
            self.end(number, OrderEnd.EXPIRED, deed.late)
            return
        order["left"] -= lots
        self.lots[k] += side * lots
        if order["left"] == 0:
            del self.orders[number]
        self.say(k, deed, side, lots, leg=order["leg"], order=number, done=int(number not in self.orders))

    def say(self, k: int, deed: Deed, side: int, lots: int, **more: int) -> None:
        self.trades += 1
        ticks = self.p.instruments[k].ticks(str((self.life.close[k] + deed.price) / 10))
        what = {"side": side, "lots": lots, "ticks": ticks, "fee": lots / 2**20, "trade": self.trades, **more}
        self.mail.append((self.clock + deed.late, k, CommandKind.FILL, what))

    def act(self, deed: Deed) -> None:
        k = deed.pick % self.p.n
        number = sorted(self.orders)[deed.pick % len(self.orders)] if self.orders else 0
        if deed.what == "fill" and number:
            self.fill(number, deed)
        elif deed.what == "end" and number:
            self.end(number, OrderEnd.EXPIRED, deed.late)
        elif deed.what in ("reject", "passed") and number:
            self.end(number, OrderEnd.REJECTED, deed.late, int(deed.what == "passed"))
        elif deed.what == "trade" and deed.pick > 15:  # by hand, at the venue
            side = 1 if deed.price > 0 else -1
            self.lots[k] += side * 7
            self.p.surprised = True
            self.say(k, deed, side, 7, leg=Leg.EXIT, order=0, done=1, reason=Reason.EXTERNAL)
        elif deed.what == "funding":
            self.mail.append((self.clock + deed.late, k, CommandKind.FUNDING, {"received": deed.price / 8}))
        elif deed.what == "transfer" and deed.pick > 15:
            self.mail.append((self.clock, k, CommandKind.BALANCE, {"balance": BALANCE + deed.price}))

    def post(self, *, everything: bool = False) -> None:
        """Bring what has waited long enough, the latest first."""
        self.clock += 1
        while due := [m for m in self.mail if everything or m[0] < self.clock]:
            self.mail.remove(due[-1])
            _, k, kind, what = due[-1]
            if kind == CommandKind.ORDER_END:
                self.over.add(what["order"])
            elif kind == CommandKind.FILL and what["order"] in self.over:
                self.p.surprised = True
            elif kind == CommandKind.FILL and what["leg"] == Leg.ENTRY:
                if what["order"] in self.begun and self.p.books.lots[k] == 0:
                    self.p.surprised = True  # its stop is told first: the rest opens again what was closed
                self.begun.add(what["order"])
            self.heard(self.p.command(kind, k, self.life.time + MINUTE, **what))


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    n=st.integers(2, 5), limits=LIMITS, costs=COSTS, seed=st.integers(0, 2**32 - 1), width=st.sampled_from([4, 15, 60]),
    start=STARTS, steps=st.lists(st.one_of(MOMENTS, DEEDS, DEEDS, DEEDS, ORDERS), min_size=12, max_size=50),
)  # fmt: skip
def test_a_portfolio_at_a_venue_keeps_its_limits_and_its_books(n, limits, costs, seed, width, start, steps):
    life = Life(Portfolio(n, limits, costs, external=True), seed, width, start)
    venue = Venue(life)
    for step in steps:
        if isinstance(step, Deed):
            venue.act(step)
        elif isinstance(step, Candles) or step.kind not in (CommandKind.FUNDING, CommandKind.RESET):
            venue.heard(life.take(step))
        venue.post()
    venue.post(everything=True)
    assert life.p.books.lots == venue.lots


# ------------------------------------------------------------------------------------ the loop, the order of arrival
LIVES = st.lists(st.one_of(MOMENTS, MOMENTS, MOMENTS, ORDERS), min_size=8, max_size=30)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    n=st.integers(2, 5), limits=LIMITS, costs=COSTS, seed=st.integers(0, 2**32 - 1), steps=LIVES, order=st.randoms(),
)  # fmt: skip
def test_the_loop_and_a_session_whose_candles_arrive_in_any_order_say_the_same(n, limits, costs, seed, steps, order):
    """Moments one by one, the loop of a backtest, and a session fed in another order: the same rows, bit by bit."""
    life = Life(Portfolio(n, limits, costs), seed, 15, 20_001 * DAY - 5 * MINUTE)
    again = Portfolio(n, limits, costs, says=life.p.says)
    with tempfile.TemporaryDirectory() as folder:
        setup = Setup(
            "scripted", {}, life.p.instruments, MINUTE, MINUTE, trading=life.p.trading, costs=CostSettings(**costs)
        )
        session = Session.create(Path(folder), setup, Portfolio(n, limits, costs, says=life.p.says).core)
        heard, waiting = [], []
        for step in steps:
            if isinstance(step, Order):
                again.run(waiting)
                waiting = []
                for k in range(n) if step.k < 0 else [step.k % n]:
                    fields = life.fields(step, k)
                    time = life.time + MINUTE
                    life.p.command(step.kind, k, time, **fields)
                    again.command(step.kind, k, time, **fields)
                    plain = command(step.kind, time, **fields)[0]
                    more = {name: plain[name] for name in plain.dtype.names if name not in ("time", "kind")}
                    heard.append(session.command(step.kind, k, time_ms=time, **more).copy())
                continue
            which, made = life.candles(step)
            life.p.moment(which, made)
            waiting.append((which, made))
            mixed = order.sample(range(len(which)), len(which))
            heard.append(session.feed_moment(np.array(which)[mixed], made[mixed]).copy())
        again.run(waiting)
        session.close()
        assert np.concatenate(heard).tobytes() == life.p.rows.tobytes()
    assert again.rows.tobytes() == life.p.rows.tobytes()
    for other in (again, session):
        assert other.A[0]["equity"] == life.p.A[0]["equity"]
        assert repr(other.S["core"].tolist()) == repr(life.p.S["core"].tolist())
