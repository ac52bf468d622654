"""A portfolio of several symbols that is told what to do, and everything that must hold for it after every step.

The books are kept here a second time, in exact fractions and from the fills alone, so that nothing is compared with
what the core itself says of it.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from triplane.data.instruments import Instrument
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.kernel.codes import CommandKind, Leg, RowKind, State
from triplane.kernel.core import CORE
from triplane.kernel.inputs import command
from triplane.kernel.records import ACCOUNT, CANDLE
from triplane.kernel.rows import OUT_MARGIN, OUTBOX, OUTPUT, of_kind
from triplane.strategies.base import Bar, PythonStrategy, View
from triplane.strategies.python_core import PythonCore

MINUTE, DAY = 60_000, 86_400_000
BALANCE = 10_000.0
EXACT = 2**53
ULP = 2.0**-52
SENTINELS = {"watch_expiry", "room"}
"""Fields that mean "never" and "without end" by a number that no other has."""


def instrument(symbol: str, tick: str, lot: str, **more: Any) -> Instrument:
    return Instrument.from_dict({**Instrument.research(symbol).to_dict(), "tick_size": tick, "lot_size": lot, **more})


INSTRUMENTS = (
    instrument("AUSDT", "0.1", "0.001"),
    instrument("BUSDT", "0.05", "0.01", min_notional="5"),
    Instrument.research("CUSDT"),
    instrument("DUSDT", "0.01", "1", market="spot", can_short=False, maintenance_margin=0.0),
    instrument("EUSDT", "0.25", "0.1", min_quantity="0.3"),
)


def whole_numbers(record: Any, base: int = 0, name: str = "") -> list[int]:
    """Places of the 64-bit integers of a record, in units of eight bytes, without the sentinels."""
    if name in SENTINELS:
        return []
    if record.subdtype is not None:
        inner, shape = record.subdtype
        return [at for i in range(int(np.prod(shape))) for at in whole_numbers(inner, base + i * inner.itemsize, name)]
    if record.fields:
        return [at for n, (d, offset, *_) in record.fields.items() for at in whole_numbers(d, base + offset, n)]
    return [base // 8] if record == np.int64 else []


WHOLE = {kind: np.array(whole_numbers(kind)) for kind in (ACCOUNT, CORE, OUTPUT)}


def too_large(records: Any, kind: Any) -> bool:
    """Whether an integer of some records of a kind is beyond what a float holds exactly."""
    plain = np.frombuffer(records.tobytes(), np.int64).reshape(-1, kind.itemsize // 8)[:, WHOLE[kind]]
    return bool(((plain >= EXACT) | (plain <= -EXACT)).any())


class Books:
    """Money and positions from the fills alone, exactly."""

    def __init__(self, instruments: Any) -> None:
        self.tick = [Fraction(i.tick_size) for i in instruments]
        self.lot = [Fraction(i.lot_size) for i in instruments]
        self.lots = [0] * len(instruments)
        self.average = [Fraction(0)] * len(instruments)
        self.balance = Fraction(BALANCE)
        self.largest = BALANCE
        self.sums = 1
        self.opened: dict[int, int] = {}

    def fill(self, row: Any) -> None:
        k, price, side = int(row["symbol"]), int(row["price_ticks"]), int(row["side"])
        price, before = price * self.tick[k], self.lots[k]
        quantity = int(row["quantity_lots"]) * self.lot[k]
        if before * side >= 0:
            held = abs(before) * self.lot[k]
            self.average[k] = (self.average[k] * held + price * quantity) / (held + quantity)
            if before == 0:
                day = int(row["filled_at"]) // DAY
                self.opened[day] = self.opened.get(day, 0) + 1
        else:
            self.balance -= (price - self.average[k]) * quantity * side
        self.lots[k] += side * int(row["quantity_lots"])
        self.balance -= Fraction(float(row["fee"]))
        self.largest = max(self.largest, float(price * quantity), abs(float(self.balance)))

    def equity(self, closes: Any) -> Fraction:
        """What it is worth when every position is marked to the newest close."""
        parts = (
            (Fraction(c) - e) * n * u for c, e, n, u in zip(closes, self.average, self.lots, self.lot, strict=True)
        )
        return self.balance + sum(parts)

    @property
    def tolerance(self) -> float:
        """Of money kept in floats: each sum so far may be off by a half of the last bit of the largest amount."""
        return 8 * ULP * self.largest * self.sums


@dataclass
class Portfolio:
    """A core of several symbols; ``says[open_time][symbol]`` is what the strategy answers to that candle."""

    n: int
    settings: dict[str, Any]
    costs: dict[str, float]
    external: bool = False
    says: dict[int, dict[int, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        told, turn = self.says, cycle(range(self.n))

        class Scripted(PythonStrategy):
            name = "scripted"

            def __init__(self) -> None:
                self.k = next(turn)

            def on_bar(self, bar: Bar, view: View) -> Any:
                return told.get(bar.open_time, {}).get(self.k)

        self.instruments = INSTRUMENTS[: self.n]
        self.trading = TradingSettings(**self.settings)
        self.core = PythonCore([(Scripted, Path(__file__))])
        self.A, self.S = self.core.new(
            self.instruments, costs=CostSettings(**self.costs).to_record(), limits=self.trading.to_record(0), params={},
            base_ms=MINUTE, timeframe_ms=MINUTE, balance=BALANCE, external=self.external,
        )  # fmt: skip
        self.out = np.zeros(1, OUTBOX)
        self.books = Books(self.instruments)
        self.surprised = False  # a venue filled what nobody had asked for, or had said that it was over
        self.rows = np.zeros(0, OUTPUT)

    # ------------------------------------------------------------------------------------------------------------ steps
    def moment(self, which: list[int], candles: Any) -> Any:
        """The candles of one time; returns the rows."""
        self.A["n_out"] = 0
        before = self.A[0].copy()
        self.core.on_moment(self.A, self.S, np.array(which), candles, self.out)
        rows = self._taken(before)
        assert len(rows) <= OUT_MARGIN * len(which) + 8 * self.n  # a halt is told to all
        assert_margin_left(self, rows)
        assert_right_side(self, which)
        return rows

    def run(self, moments: list[tuple[list[int], Any]]) -> None:
        """The candles of many moments through the loop of a backtest."""
        if not moments:
            return
        which = np.concatenate([which for which, _ in moments])
        together = np.concatenate([made for _, made in moments])
        at, curve = 0, np.zeros(len(together))
        while at < len(together):
            self.A["n_out"] = 0
            before = self.A[0].copy()
            at = self.core.run(self.A, self.S, which, together, self.out, curve, at)
            self._taken(before)

    def command(self, kind: CommandKind, k: int, time: int, **fields: Any) -> Any:
        """A command or a report; returns the rows."""
        self.A["n_out"] = 0
        before = self.A[0].copy()
        self.core.on_command(self.A, self.S, k, command(kind, time, **fields), self.out)
        balance = Fraction(float(self.A[0]["balance"]))
        if kind == CommandKind.FUNDING:
            self.books.balance += Fraction(fields["received"])
        elif kind == CommandKind.BALANCE or (kind == CommandKind.RESET and self.A[0]["epoch"] > before["epoch"]):
            assert balance == Fraction(fields["balance"])
            self.books.balance = balance
            self.books.opened.clear()  # a new epoch; a transfer during a day only makes this more lenient
        return self._taken(before, resumed=kind == CommandKind.RESUME)

    def _taken(self, before: Any, *, resumed: bool = False) -> Any:
        rows = self.out[0]["rows"][: self.A[0]["n_out"]].copy()
        assert rows["seq"].tolist() == list(range(int(before["rows"]) + 1, int(before["rows"]) + 1 + len(rows)))
        self.rows = np.concatenate([self.rows, rows])
        assert_reduces(self, rows)
        self.books.sums += 4 * self.n + len(rows)
        assert_halted(self, rows, halted=bool(before["halted"]) and not resumed)
        assert_money(self)
        assert_limits(self)
        assert_protected(self)
        assert not too_large(self.A, ACCOUNT)
        assert not too_large(self.S["core"], CORE)
        assert not too_large(rows, OUTPUT)
        return rows

    @property
    def closes(self) -> list[float]:
        return self.S["core"]["last"]["close"].tolist()


# -------------------------------------------------------------------------------------------------- what must hold
def assert_reduces(p: Portfolio, rows: Any) -> None:
    """What is reduce-only makes a position smaller, an entry larger; the row says what is held after it."""
    for row in of_kind(rows, RowKind.FILL):
        k, side = int(row["symbol"]), int(row["side"])
        held = p.books.lots[k]
        average = p.books.average[k]
        p.books.fill(row)
        assert row["quantity_lots"] > 0
        assert row["price_ticks"] > 0
        assert row["position_lots"] == p.books.lots[k]
        if row["leg"] == Leg.ENTRY:
            assert held * side >= 0, "an entry nets a position"
        else:
            assert held * side < 0, "an exit opens or widens a position"
            assert p.books.lots[k] * held >= 0, "an exit turns a position"
            lost = (average - int(row["price_ticks"]) * p.books.tick[k]) * -side
            assert p.external or lost <= average / Fraction(p.costs["leverage"]) + p.books.tick[k]
    for row in of_kind(rows, RowKind.PLACE):
        assert row["reduce_only"] == (row["leg"] != Leg.ENTRY)
    assert p.S["core"]["position"]["lots"].tolist() == p.books.lots


def assert_halted(p: Portfolio, rows: Any, *, halted: bool) -> None:
    """No entry is placed after a halt, and (a venue's reports may be late) none fills."""
    for row in rows:
        kind = row["kind"]
        if halted and kind in (RowKind.PLACE, RowKind.FILL) and row["leg"] == Leg.ENTRY:
            assert (p.external, kind) == (True, RowKind.FILL), "an entry after a halt"
        halted = halted or (kind == RowKind.STATE and row["code"] == State.HALTED)


def assert_money(p: Portfolio) -> None:
    """Balance = start + realised - fees + funding, and equity = balance + unrealised, to the last unit."""
    a, books = p.A[0], p.books
    assert abs(Fraction(float(a["balance"])) - books.balance) <= books.tolerance
    assert abs(Fraction(float(a["equity"])) - books.equity(p.closes)) <= books.tolerance
    core = p.S["core"]
    assert (
        abs(float(a["used_margin"]) - core["position"]["margin"][core["position"]["lots"] != 0].sum())
        <= books.tolerance
    )
    assert abs(float(a["reserved_margin"]) - core["reserved"].sum()) <= books.tolerance
    assert a["used_margin"] >= -books.tolerance
    assert a["reserved_margin"] >= -books.tolerance


def assert_limits(p: Portfolio) -> None:
    """Open and pending entries are counted rightly, and stay within the limits of positions and trades of the day."""
    a, core = p.A[0], p.S["core"]
    lots = core["position"]["lots"]
    pending = int(((lots == 0) & (core["legs"]["order"][:, Leg.ENTRY] != 0)).sum())
    assert a["open_positions"] == np.count_nonzero(lots)
    assert a["pending_entries"] == pending
    if not p.surprised:
        assert np.count_nonzero(lots) + pending <= p.trading.max_open_positions
        assert max(p.books.opened.values(), default=0) <= p.trading.max_trades_day


def assert_margin_left(p: Portfolio, rows: Any) -> None:
    """When entries were placed, what is used and reserved fits into the limit."""
    if ((rows["kind"] == RowKind.PLACE) & (rows["leg"] == Leg.ENTRY)).any():
        a = p.A[0]
        taken, limit = a["used_margin"] + a["reserved_margin"], p.trading.max_margin_use * a["equity"]
        assert taken <= limit * (1 + 1e-9)


def assert_protected(p: Portfolio) -> None:
    """A position has a stop that covers it on the side where it loses, or an exit on its way; no position, neither."""
    for k in range(p.n):
        s = p.S[k]["core"]
        lots, legs = p.books.lots[k], s["legs"]
        working = {leg: int(legs["quantity_lots"][leg]) for leg in range(6) if legs["order"][leg]}
        if lots == 0:
            assert not working.keys() - {Leg.ENTRY}
        elif Leg.STOP in working:
            assert working[Leg.STOP] == abs(lots)
        else:
            assert Leg.EXIT in working
        if p.external:
            continue
        book = {int(o["number"]): o for o in s["book"][: s["book_count"]]}
        assert book.keys() == {int(n) for n in legs["order"] if n}
        for leg, quantity in working.items():
            order = book[int(legs["order"][leg])]
            assert (order["leg"], order["reduce_only"]) == (leg, leg != Leg.ENTRY)
            assert 0 < order["quantity_lots"] <= quantity  # of an entry a part may have filled
            assert leg == Leg.ENTRY or order["quantity_lots"] == quantity
            assert leg == Leg.ENTRY or int(order["side"]) * lots < 0


def assert_right_side(p: Portfolio, which: list[int]) -> None:
    """The stop of a position lies where it loses, seen from the close, unless it came too late or had no volume."""
    for k in which if not (p.costs["latency_ms"] or p.costs["participation"]) else []:
        s = p.S[k]["core"]
        for order in s["book"][: s["book_count"]]:
            if order["leg"] == Leg.STOP:
                assert (s["last"]["close"] - order["level"]) * np.sign(p.books.lots[k]) >= 0


def candle(time: int, prices: tuple[float, float, float, float], volume: float) -> tuple[Any, ...]:
    return (time, *prices, volume)


def candles(rows: list[tuple[Any, ...]]) -> Any:
    made = np.zeros(len(rows), CANDLE)
    for i, row in enumerate(rows):
        made[i] = row
    return made
