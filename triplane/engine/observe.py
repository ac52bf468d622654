"""What is read out of the state after an input, as facts: candles, indicators, structure, zones, raw signals, account.

The state is looked at through views that are made once. Only what has changed becomes a fact.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from msgspec.structs import replace

from triplane.data.candles import timeframe_name
from triplane.engine.decode import seen_values
from triplane.engine.heads import Heads
from triplane.engine.session import Session
from triplane.errors import TriplaneError
from triplane.kernel.codes import Action, Gate, LiquidityState, Reason, State, StructureKind, ZoneKind, ZoneState
from triplane.kernel.features import FEATURE_ROW, FEATURES
from triplane.kernel.records import ACCOUNT, CANDLE
from triplane.model.facts import Account, Candle, Fact, Features, RawSignal, Status, Structure, Zone
from triplane.model.money import number
from triplane.strategies.compiler import compiled_features

Array = np.ndarray[Any, Any]

GRADES: Final = "ABCDF"
SHOWN: Final = tuple(name for name in FEATURE_ROW.names or () if name in Features.__struct_fields__)
COLUMNS: Final = tuple((FEATURE_ROW.names or ()).index(name) for name in SHOWN)
ACCOUNT_FIELDS: Final = (
    "epoch", "start_balance", "balance", "equity", "unrealized", "used_margin", "peak_equity", "max_drawdown",
    "day_equity", "trades_today", "open_positions",
)  # fmt: skip
_AT: Final = {name: i for i, name in enumerate(ACCOUNT.names or ())}
_FIGURES: Final = tuple(_AT[name] for name in ACCOUNT_FIELDS)


def field_of(states: Array, path: str) -> Array | None:
    """A view of one field of the strategy's states by its dotted path, or None."""
    view = states
    for name in path.split("."):
        if name.isdigit():
            view = view[:, int(name)]
        elif name in (view.dtype.names or ()):
            view = view[name]
        else:
            return None
    return view


def _book(states: Array, path: str, what: str) -> Array:
    view = field_of(states, path)
    if view is None:
        raise TriplaneError(f"The strategy has no {what} {path!r} in its state.")
    return view


def _plot(session: Session, path: str, k: int) -> Callable[[], float | None]:
    """How to read a plotted value of row ``k``: from the state, or from a strategy in ordinary Python."""
    states, own = session.core.remembered(session.S, k)
    view = field_of(states, path)
    if view is not None:
        values = view
        return lambda: number(float(values[own]))
    if not hasattr(session.core, "current"):
        raise TriplaneError(f"The strategy has no value {path!r} in its state to plot.")

    def read() -> float | None:
        value: Any = session.core.current[k]  # type: ignore[attr-defined]
        for name in path.split("."):
            value = getattr(value, name, None)
        return number(float(value)) if value is not None else None

    return read


class _Zones:
    """One book of zones of one row."""

    def __init__(self, session: Session, path: str, k: int, tf: str) -> None:
        states, own = session.core.remembered(session.S, k)
        book = _book(states, path, "book of zones")
        self._label = f"{session.setup.rows[k].name}-{path.split('.', maxsplit=1)[0]}"
        self._n_retired: Array = book["n_retired"]
        self._retired: Array = book["retired"]
        self._sides: Array = book["sides"]
        self._k, self._tf = own, tf
        self._known: dict[int, tuple[tuple[Any, ...], Zone]] = {}

    def changed(self, head: Callable[[], dict[str, Any]], bar_time: int) -> list[Zone]:
        """Zones that are new, changed or over since the last bar."""
        out: list[Zone] = []
        live: dict[int, tuple[tuple[Any, ...], Zone]] = {}
        for side in self._sides[self._k]:
            zones = side["zones"][side["slot"][: side["count"]]]
            marks = zones[["serial", "touches", "filled_percent", "strength"]].tolist()
            for zone, mark in zip(zones, marks, strict=True):
                known = self._known.pop(mark[0], None)
                if known is None or known[0] != mark:
                    known = (mark, self._zone(head(), zone))
                    out.append(known[1])
                live[mark[0]] = known
        for zone in self._retired[self._k, : self._n_retired[self._k]]:
            self._known.pop(int(zone["serial"]), None)
            out.append(self._zone(head(), zone))
        out += [  # pushed out of a book that is full
            replace(zone, **head(), valid=False, ended_ts=bar_time, end_reason="displaced")
            for _, zone in self._known.values()
        ]
        self._known = live
        return out

    def _zone(self, head: dict[str, Any], zone: Any) -> Zone:
        kind = ZoneKind(int(zone["kind"]))
        over = int(zone["state"]) != ZoneState.LIVE
        return Zone(
            **head,
            id=f"{self._label}-{int(zone['serial'])}",
            tf=self._tf,
            kind={ZoneKind.GAP: "FVG", ZoneKind.BREAKER: "BREAKER"}.get(kind, "OB"),
            side="DEMAND" if zone["side"] > 0 else "SUPPLY",
            price_lo=float(zone["price_lo"]),
            price_hi=float(zone["price_hi"]),
            created_ts=int(zone["formed_time"]),
            confirmed_ts=int(zone["confirmed_time"]),
            strength=float(zone["strength"]),
            touches=int(zone["touches"]),
            filled_percent=float(zone["filled_percent"]),
            valid=not over,
            ended_ts=int(zone["ended_time"]) if over else None,
            end_reason=ZoneState.labels[zone["state"]] if over else None,
        )


class _Indicators:
    """The compiled indicators of all rows."""

    def __init__(self, rows: int) -> None:
        self._driver = compiled_features()
        self._states = np.zeros(rows, FEATURES)
        self._row = np.zeros(1, FEATURE_ROW)
        self._driver.init(self._states)

    def step(self, k: int, bar: Array) -> dict[str, float | None]:
        """The values after a bar (an array of one)."""
        self._driver.step(self._states, k, bar, 0, self._row)
        values = self._row.item(0)
        return {name: number(values[at]) for name, at in zip(SHOWN, COLUMNS, strict=True)}


class _Row:
    """What is read of one row. The candles of a market are told by the first row that has them."""

    def __init__(self, session: Session, k: int, indicators: _Indicators) -> None:
        setup, core = session.setup, session.S["core"]
        row, spec = setup.rows[k], session.strategy_of(setup.rows[k].sleeve)
        states, self._own_place = session.core.remembered(session.S, k)
        self.name, self.sleeve, self._k = row.instrument.symbol, row.sleeve.name, k
        before = [(one.market, one.sleeve.timeframe_ms) for one in setup.rows[:k]]
        self._tells_base = row.market not in [market for market, _ in before]
        frame = row.sleeve.timeframe_ms
        self._tells_bars = frame != setup.base_ms and (row.market, frame) not in before
        self.tf = timeframe_name(frame)
        self._base = timeframe_name(setup.base_ms)
        self._venue = setup.source
        self._graded = bool(setup.trading.quality_gate) and setup.fixed_lots == 0
        self._count: Array = core["bars"]
        self._bar: Array = core["shown"]["candle"]
        self._late: Array = core["agg"]["late"]
        self._state: Array = core["state"]
        self._cooldown: Array = core["cooldown"]
        self._grade: Array = core["quality"]["grade"]
        self._margin: Array = core["position"]["margin"]
        self._liquidation: Array = core["position"]["liquidation"]
        self._indicators = indicators
        self._plots = {name: _plot(session, path, k) for name, path in spec.plots.items()}
        self._books = [_Zones(session, path, k, self.tf) for path in spec.zones]
        self._structures = [_book(states, path, "market structure") for path in getattr(spec, "structures", ())]
        self._pools = [_book(states, path, "liquidity") for path in getattr(spec, "pools", ())]
        agents: Mapping[str, str] = getattr(spec, "agents", {})
        self._agents = {name: _book(states, path, "signal") for name, path in agents.items()}
        self._own: Array | None = None if self._agents else core["signal"]
        self._strategy = spec.name
        self._sees: tuple[str, ...] = () if self._agents else tuple(spec.sees)
        self._seen_bars = int(self._count[k])
        self._shown: tuple[Any, ...] = ()

    def candle(self, heads: Heads, candle: Array, now: int) -> list[Fact]:
        """The base candle (an array of one), and what closed with it."""
        out: list[Fact] = []
        if self._tells_base:
            out.append(self._candle(heads.make(now, self.name), self._base, candle.item(0)))
        k = self._k
        count = int(self._count[k])
        closed, self._seen_bars = count - self._seen_bars, count
        if closed > 1:  # by one candle behind a gap: what the strategy drew on the first of them is no longer there
            self._closed(heads, self._late[k : k + 1], now, out, {})
        if closed:
            plots = {name: read() for name, read in self._plots.items()}
            self._closed(heads, self._bar[k : k + 1], now, out, plots)
            self._found(heads, now, out)
        return out

    def _candle(self, head: dict[str, Any], tf: str, values: tuple[Any, ...]) -> Candle:
        opened, high, low, close, volume = values[1:]
        return Candle(
            **head, venue=self._venue, tf=tf, open_time=values[0], open=opened, high=high, low=low, close=close,
            volume=volume,
        )  # fmt: skip

    def _closed(self, heads: Heads, bar: Array, now: int, out: list[Fact], plots: dict[str, float | None]) -> None:
        """A decision bar closed."""
        values = bar.item(0)
        if self._tells_bars:
            out.append(self._candle(heads.make(now, self.name), self.tf, values))
        figures: dict[str, Any] = self._indicators.step(self._k, np.array(bar, CANDLE))
        out.append(Features(**self._head(heads, now), tf=self.tf, ts=values[0], **figures, plots=plots))

    def _found(self, heads: Heads, now: int, out: list[Fact]) -> None:
        """Structure, zones and raw signals of the newest bar."""
        k = self._own_place
        ts = int(self._bar["open_time"][self._k])
        for structure in self._structures:
            events = structure["events"][k, : structure["n_events"][k]]
            out += [
                self._structure(heads, now, ts, StructureKind.labels[one["kind"]], one["ref_time"], one["level"])
                for one in events
            ]
        for pools in self._pools:
            for pool in pools["ended"][k, : pools["n_ended"][k]]:
                if pool["state"] == LiquidityState.SWEPT:
                    kind = "SWEEP_HIGH" if pool["side"] > 0 else "SWEEP_LOW"
                    out.append(self._structure(heads, now, ts, kind, pool["formed_time"], pool["level"]))
        for book in self._books:
            out += book.changed(lambda: self._head(heads, now), ts)
        for agent, signals in self._agents.items():
            self._raw(heads, now, agent, signals[k], out)
        if self._own is not None:
            self._raw(heads, now, self._strategy, self._own[self._k], out)

    def _structure(self, heads: Heads, now: int, ts: int, kind: str, ref: Any, level: Any) -> Structure:
        return Structure(**self._head(heads, now), tf=self.tf, ts=ts, kind=kind, ref_ts=int(ref), level=float(level))

    def _head(self, heads: Heads, now: int) -> dict[str, Any]:
        return heads.make(now, self.name, self.sleeve)

    def _raw(self, heads: Heads, now: int, agent: str, signal: Any, out: list[Fact]) -> None:
        """What an agent said on this bar."""
        action = int(signal["action"])
        if action == Action.NOTHING:
            return
        side, stop, close = int(signal["side"]), float(signal["stop"]), float(self._bar["close"][self._k])
        entry = float(signal["entry"]) or close
        risk = abs(entry - stop) if stop > 0.0 else float(signal["stop_distance"])
        targets = signal["targets"].tolist()
        reach = [
            abs(t - entry) if t > 0.0 else d for t, d in zip(targets, signal["target_distances"].tolist(), strict=True)
        ]
        out.append(
            RawSignal(
                **self._head(heads, now),
                agent=agent,
                tf=self.tf,
                side_hint=("buy" if side > 0 else "sell") if action == Action.ENTER else Action(action).label,
                entry_hint=entry if action == Action.ENTER else None,
                sl_hint=(stop or entry - side * risk) if action == Action.ENTER and risk > 0.0 else None,
                tpR=[round(r / risk, 4) for r in reach if r > 0.0] if risk > 0.0 else [],
                features=seen_values(self._sees, signal["seen"].tolist()),
                score=float(signal["confidence"]),
                ttl_bars=int(signal["ttl_bars"]),
            )
        )

    def status(self, heads: Heads, now: int) -> list[Fact]:
        """Where the row stands, if that has changed."""
        k = self._k
        state = int(self._state[k])
        margin, liquidation = self._margin.item(k), self._liquidation.item(k)
        grade = GRADES[self._grade.item(k)] if self._graded else None
        shown = (state, self._cooldown.item(k) if state == State.COOLDOWN else 0, grade, margin, liquidation)
        if shown == self._shown:
            return []
        self._shown = shown
        return [
            Status(
                **self._head(heads, now),
                state=State(state).name,
                cooldown_remaining=int(shown[1]),
                data_grade=grade,
                margin=margin,
                liquidation_price=liquidation if liquidation > 0.0 else None,
            )
        ]


class StateReader:
    """Reads the state of a session after each input.

    Parameters
    ----------
    session
        Before its first input is taken or replayed.
    heads
        Numbers the facts.
    """

    def __init__(self, session: Session, heads: Heads) -> None:
        self._heads = heads
        indicators = _Indicators(len(session.S))
        self._rows = [_Row(session, k, indicators) for k in range(len(session.S))]
        self._account: tuple[Any, ...] = ()

    def after_moment(self, session: Session, which: Array, candles: Array, rows: Array) -> list[Fact]:
        """Facts of the candles of one time; what came out of them may concern other rows too."""
        now = session.now
        out: list[Fact] = []
        moved = which.tolist()
        for i, k in enumerate(moved):
            out += self._rows[k].candle(self._heads, candles[i : i + 1], now)
        if len(rows):
            moved = sorted({*moved, *rows["symbol"].tolist()})
        for k in moved:
            out += self._rows[k].status(self._heads, now)
        return [*out, *self._money(session)]

    def after_command(self, session: Session, k: int) -> list[Fact]:
        """Facts of a command to row ``k``."""
        return [*self._rows[k].status(self._heads, session.now), *self._money(session)]

    def _money(self, session: Session) -> list[Fact]:
        values = session.A.item(0)
        shown = (
            *(values[at] for at in _FIGURES),
            values[_AT["halted"]],
            values[_AT["halt_code"]],
            values[_AT["gates"]],
            session.made_up(),
        )
        if shown == self._account:
            return []
        self._account = shown
        figures: dict[str, Any] = dict(zip(ACCOUNT_FIELDS, shown, strict=False))
        halted, code, gates, simulated = shown[-4:]
        return [
            Account(
                **self._heads.make(session.now),
                **figures,
                simulated=simulated,
                halted=bool(halted),
                halt_reason=Reason(code).label if halted else None,
                gates=[gate.label for gate in Gate if gates >> gate & 1],
            )
        ]
