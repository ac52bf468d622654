"""Going live is earned: what a strategy must have shown on paper before it may trade real money.

The record is read from the journals of its paper sessions on live market data, of which each must be, byte for byte,
the one that its account has seen written: a copy, a longer or a cut one counts for nothing. What decides must be the
same as today (the strategy's source, parameters, data, symbols, timeframe, costs), under limits that were no looser;
the version of Triplane need not be. Of each account the newest epoch counts, never a trade that a person simulated.
Time counts while the process was really running: replays, sleep, a clock that was set, and candles that were fetched
later are no days on paper. What happened meanwhile counts all the same, so being away hides no loss.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from pydantic import Field

from triplane.engine.account import Record, records
from triplane.engine.daily import NOTE
from triplane.engine.journal import Anchor, Kind, Reader
from triplane.engine.session import JOURNAL
from triplane.engine.setup import Setup, fingerprints
from triplane.errors import BadInput, TriplaneError
from triplane.kernel.codes import CommandKind, RowKind
from triplane.kernel.inputs import COMMAND
from triplane.kernel.rows import OUTPUT, TRADE_ROW, of_kind
from triplane.model.performance import of_rows, performance
from triplane.model.settings import PLAIN, Settings, TradingSettings, looser

CONFIRMATION: Final = "I accept the risk of real money"
DAY_MS: Final = 86_400_000


class GoLiveGate(Settings):
    """What the record must show; fractions are fractions."""

    days: float = Field(30.0, ge=0, description="days on paper, on live market data")
    sharpe: float = Field(1.5, description="Sharpe ratio above this")
    max_drawdown: float = Field(0.10, gt=0, le=1, description="drawdown below this, fraction")
    win_rate: float = Field(0.55, ge=0, le=1, description="share of winning trades above this")

    def problems(self, record: Mapping[str, Any]) -> list[str]:
        """What the record lacks, each in a sentence; empty when it passes."""
        out = []
        if record["days"] < self.days:
            out.append(f"It has {record['days']:.1f} days on paper; {self.days:g} are needed.")
        sharpe, depth, wins = record["sharpe"], record["max_drawdown_pct"], record["win_rate"]
        if sharpe is None or sharpe <= self.sharpe:
            out.append(f"Its Sharpe ratio is {_shown(sharpe)}; it must be above {self.sharpe:g}.")
        if depth is None or depth >= self.max_drawdown * 100:
            out.append(f"Its drawdown is {_shown(depth)} %; it must be below {self.max_drawdown:.0%}.")
        if wins is None or wins <= self.win_rate:
            out.append(f"Its win rate is {_shown(wins)}; it must be above {self.win_rate:g}.")
        if record["funding"] is None:
            out.append(f"What it paid for funding must be known, but {record['reasons']['funding']}.")
        return out


def _shown(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f}"


@dataclass
class _Evidence:
    """What one journal shows of its newest epoch."""

    epoch: int
    start: float
    settings: list[Mapping[str, Any]]  # those it was started with, and each amendment
    ran: list[tuple[int, int]] = field(default_factory=list)  # begin and end of times that it was running
    times: list[int] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    peak: float = 0.0
    depth: float = 0.0
    trades: list[Any] = field(default_factory=list)
    simulated: set[int] = field(default_factory=set)
    known: int = 0  # the newest decision
    before: tuple[int, float] | None = None  # time, and seconds that the process had been running, of the last note

    def begin_again(self, balance: float) -> None:
        """The paper account was reset: what was before is of another epoch."""
        self.epoch += 1
        self.start, self.peak, self.depth = balance, 0.0, 0.0
        self.ran, self.times, self.equity, self.trades, self.before = [], [], [], [], None

    def note(self, note: Mapping[str, Any]) -> None:
        """Take what the account was worth at a time."""
        time, up = int(note["time"]), float(note["up"])
        if note["phase"] != "live" and self.before is not None:
            since, was_up = self.before
            ran = min(
                time - since, round(1000 * (up - was_up))
            )  # neither a clock that is set nor sleep makes it longer
            self.ran.append((time - max(ran, 0), time))
        self.before = time, up
        low, high = float(note["low"]), float(note["high"])
        self.peak = max(self.peak, self.start, high)
        self.depth = max(self.depth, 1.0 - low / self.peak)  # the low may have come first: then this says too much
        self.times.append(time)
        self.equity.append(float(note["equity"]))

    def rows(self, rows: Any, simulating: bool) -> None:
        """Take what came out of the core."""
        if simulating:
            self.simulated |= {int(d) for d in rows["decision"] if d > self.known}
        self.known = max(self.known, int(rows["decision"].max(initial=0)))
        self.trades += [t for t in of_kind(rows, RowKind.TRADE) if int(t["decision"]) not in self.simulated]


def _evidence(path: Path, anchor: Anchor) -> tuple[Reader, _Evidence]:
    """Read a journal as far as the account has seen it written; raises TriplaneError when it is another one."""
    reader = Reader(path)
    reader.holds(anchor)
    setup = reader.meta["setup"]
    opening = setup.get("opening", {})
    found = _Evidence(int(opening.get("epoch", 0)), float(opening.get("balance", setup["balance"])), [setup])
    simulating = False
    for frame in reader:
        if frame.offset >= anchor.bytes:
            break
        if frame.kind == Kind.COMMAND:
            command = np.frombuffer(frame.payload, COMMAND)[0]
            simulating = command["kind"] == CommandKind.SIMULATE
            if command["kind"] == CommandKind.RESET and command["price"] > 0:
                found.begin_again(float(command["price"]))
        elif frame.kind == Kind.OUTPUT:
            found.rows(np.frombuffer(frame.payload, OUTPUT), simulating)
            simulating = False
        elif frame.kind == Kind.AMENDMENT:
            found.settings.append(msgspec.json.decode(frame.payload))
        elif frame.kind == Kind.NOTE:
            note = msgspec.json.decode(frame.payload)
            if note.get("note") == NOTE:
                found.note(note)
    return reader, found


def _decides_the_same(meta: Mapping[str, Any], found: _Evidence, setup: Setup, source_hash: str) -> bool:
    """Whether what decided then is what is to decide now, with limits that were no looser than now.

    Costs that a version did not know yet were not charged.
    """
    then, now = meta["setup"], msgspec.json.decode(msgspec.json.encode(setup.to_dict(), enc_hook=str))
    for settings in found.settings:
        costs = {**PLAIN, **settings["costs"]}
        if costs != {name: now["costs"].get(name) for name in costs}:
            return False
        if looser(setup.trading, TradingSettings.model_validate(settings["trading"])):
            return False
    return (
        meta["code"].get("strategy") == source_hash
        and not then["fixed_lots"]
        and {i["symbol"] for i in then["instruments"]} == set(setup.symbols)
        and all(then[name] == now[name] for name in ("params", "data", "timeframe_ms"))
        and then.get("portfolio", []) == now["portfolio"]
    )


def _of_account(sessions: Path, record: Record, setup: Setup, source_hash: str) -> Iterator[_Evidence]:
    """What the sessions of an account show that decided as the setup does, of its newest epoch."""
    for session, anchor in record.journals.items():
        try:
            reader, found = _evidence(sessions / session / JOURNAL, anchor)
        except (TriplaneError, KeyError, ValueError, TypeError, msgspec.MsgspecError):
            continue  # damaged, forged or gone: it proves nothing
        records_ = reader.meta.get("records", {})
        readable = all(records_.get(name) == fingerprints()[name] for name in ("command", "output"))
        if readable and found.epoch == record.epoch and _decides_the_same(reader.meta, found, setup, source_hash):
            yield found


def paper_record(data_dir: Path, setup: Setup, source_hash: str, sources: Iterable[str]) -> dict[str, Any]:
    """Figures of all paper sessions on live market data that decided as the setup does, one after the other.

    Parameters
    ----------
    data_dir
        Where sessions and accounts are kept.
    setup, source_hash
        What is to go live, and the hash of its strategy's source.
    sources
        Names of live market data.

    Returns
    -------
    dict
        As of ``performance``, and ``days`` (time that at least one session was running) and ``sessions``.
    """
    allowed = set(sources)
    found = [
        one
        for _, record in records(data_dir)
        if isinstance(record, Record) and record.mode == "paper" and record.venue in allowed
        for one in _of_account(data_dir / "sessions", record, setup, source_hash)
        if one.times
    ]
    return _figures(sorted(found, key=lambda one: one.times[0]))


def _figures(found: list[_Evidence]) -> dict[str, Any]:
    times, equity, trades, level = [np.zeros(0, np.int64)], [np.zeros(0)], [np.zeros(0, TRADE_ROW)], 1.0
    for one in found:
        times.append(np.array(one.times, np.int64))
        equity.append(np.array(one.equity) / one.start * level)
        trades.append(np.array(one.trades, TRADE_ROW))
        level = float(equity[-1][-1])
    closed = np.concatenate(trades)
    columns = of_rows(closed, np.full(len(closed), np.nan))  # accounts of any size, one after the other
    figures = performance(columns, np.concatenate(times), np.concatenate(equity), 1.0)
    if found:
        figures["max_drawdown_pct"] = max(figures["max_drawdown_pct"], *(100.0 * one.depth for one in found))
    return figures | {"days": _covered([run for one in found for run in one.ran]) / DAY_MS, "sessions": len(found)}


def _covered(runs: list[tuple[int, int]]) -> int:
    """Milliseconds that are in at least one of the times: what runs beside something else counts once."""
    total, until = 0, 0
    for begin, end in sorted(runs):
        total += max(end - max(begin, until), 0)
        until = max(until, end)
    return total


def require(gate: GoLiveGate, record: Mapping[str, Any], confirmation: str | None) -> list[str]:
    """Let a strategy pass, or raise BadInput; returns what was overridden by the typed confirmation."""
    problems = gate.problems(record)
    if problems and confirmation is not None and confirmation != CONFIRMATION:
        raise BadInput(f'override-gate is "{confirmation}"; to go live all the same, type "{CONFIRMATION}"')
    if problems and confirmation is None:
        raise BadInput(
            f"Going live is refused. {' '.join(problems)} Trade on paper first, or type "
            f'--override-gate "{CONFIRMATION}".'
        )
    return problems
