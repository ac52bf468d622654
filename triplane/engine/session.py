"""A session: a compiled core, its state, and the journal that both can be made from again.

Every input is in the journal before the core sees it, every row before anybody hears of it. So after ``kill -9`` at any
moment the journal holds a prefix of inputs and the rows of all but perhaps the last of them: replaying the inputs
through the same core makes the state again, the rows must be those that were written, and what is missing is appended.

The folder of a session holds ``journal.tpj`` and a lock. What must outlive it stands with the account (``account.py``).
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from triplane.data.instruments import Instrument
from triplane.engine.account import Account
from triplane.engine.decisions import DecisionHash
from triplane.engine.decode import Spoken
from triplane.engine.journal import NO_SYMBOL, Anchor, Journal, Kind, Reader
from triplane.engine.lock import FolderLock
from triplane.engine.portfolio import FanOut, Sleeve
from triplane.engine.replay import Recheck, Step, load_inputs, require_rules
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.engine.setup import Array, Setup, make_meta, new_id, read_setup, settings_of
from triplane.errors import DataError, TriplaneError
from triplane.kernel.codes import CommandKind, Reason, RowKind
from triplane.kernel.inputs import COMMAND
from triplane.kernel.records import CANDLE
from triplane.kernel.rows import OUTBOX, OUTPUT, of_kind
from triplane.strategies.base import AnyStrategy
from triplane.strategies.compiler import Core

JOURNAL: Final = "journal.tpj"
NOTHING: Final = np.zeros(0, OUTPUT)
NEVER: Final = -1


class Observer:
    """Who hears of everything a session does, after it is in the journal; also while it is made again from there.

    ``which`` are rows: of a market that several sleeves trade, each candle is told once for each.
    """

    def on_moment(self, session: "Session", which: Array, candles: Array, rows: Array) -> None:
        """The candles of one time, of the rows ``which``, were taken together; ``rows`` is what came out."""

    def on_batch(self, session: "Session", which: Array, candles: Array, rows: Array, equity: Array) -> None:
        """Many candles were taken; ``equity`` after each."""

    def on_command(self, session: "Session", k: int, command: Array, rows: Array) -> None:
        """A command (an array of one) was carried out."""

    def on_limits(self, session: "Session") -> None:
        """The limits were replaced."""

    def on_note(self, session: "Session", note: Mapping[str, Any]) -> None:
        """Something that the core does not decide was written down."""

    def on_end(self, session: "Session") -> None:
        """The data has ended."""


Observe = Callable[["Session"], Observer]
"""Makes the observer of a session before its first input is taken, or replayed."""


class Session:
    """Made by :meth:`create`, :meth:`resume` or ``beginning.open_session``; for one thread.

    Attributes
    ----------
    id : str
    setup : Setup
    A, S : ndarray
        Account and states. Readers copy out of them, nobody else writes.
    decisions : DecisionHash
        Digest of all decisions so far.
    last_open : list of int
        Open time of the newest candle of each market, -1 before there is one.
    fan_out : FanOut
        Which rows a market has.
    now : int
        Market time: the close of the newest candle.
    rows : int
        Number of the newest row.
    finished : bool
        The data ended; nothing more is taken.
    simulated : set of int
        Decisions whose signals a person made up.
    """

    def __init__(self, folder: Path, meta: Mapping[str, Any], core: Core) -> None:
        self.folder = folder
        self.id: str = meta["session"]
        self.created_at: int = meta["created_at"]
        self.setup = read_setup(meta)
        self.trading = self.setup.trading
        self.core = core
        self.observer: Observer | None = None
        self.A, self.S = self.setup.start(core)
        self.decisions = DecisionHash()
        self.last_open = [NEVER] * len(self.setup.instruments)
        self.fan_out = FanOut(self.setup.rows, len(self.setup.instruments))
        self.candles = 0
        self.now = 0
        self.finished = False
        self.simulated: set[int] = set()
        self._made_up = 0.0
        self._journal: Journal | None = None  # none during a replay: what comes out is in one already
        self._lock: FolderLock | None = None
        self._account: Account | None = None
        self._out = np.zeros(1, OUTBOX)
        self._rows: Array = self._out["rows"][0]
        self._n_out: Array = self.A["n_out"]
        self._alone = [np.array([k], np.int64) for k in range(len(self.setup.instruments))]

    # ----------------------------------------------------------------------------------------------------------- life
    @classmethod
    def create(cls, sessions: Path, setup: Setup, core: Core, now_ms: int | None = None) -> Self:
        """Begin a session in a new folder below ``sessions``."""
        now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        session_id = new_id(now)
        folder = sessions / session_id
        meta = make_meta(session_id, setup, core, now)
        session = cls(folder, meta, core)
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise TriplaneError(f"The session folder {folder} cannot be created: {error.strerror}.") from error
        session._lock = FolderLock(folder)
        session._journal = Journal.create(folder / JOURNAL, meta)
        return session

    @classmethod
    def resume(cls, folder: Path, core: Core, observe: Observe | None = None, *, one_by_one: bool = False) -> Self:
        """Go on with a session where its journal ends; ``one_by_one``: the observer sees every candle.

        Raises
        ------
        ReplayError
            The replay does not give what was journaled.
        TriplaneError
            It runs in another process, or its journal is damaged or of another version.
        """
        lock = FolderLock(folder)
        try:
            reader = Reader(folder / JOURNAL)
            session = cls(folder, reader.meta, core)
            session.observer = observe(session) if observe is not None else None
            missing = session.replay(reader, one_by_one=one_by_one).missing()
            session._lock = lock
            session._journal = Journal.open(folder / JOURNAL, reader.end)  # cuts the file: the reader is done with it
            if len(missing):
                session._journal.append(Kind.OUTPUT, missing.tobytes(), count=len(missing))
        except BaseException:
            lock.release()
            raise
        return session

    def replay(self, reader: Reader, *, one_by_one: bool = False) -> Recheck:
        """Take all inputs of a journal, and hold what comes out against its rows; raises ReplayError."""
        recheck = Recheck(reader)
        for _ in self.steps(reader, recheck, one_by_one=one_by_one):
            pass
        return recheck

    def steps(self, reader: Reader, recheck: Recheck | None = None, *, one_by_one: bool = False) -> Iterator[None]:
        """The same, one input after the other."""
        require_rules(reader)
        recheck = recheck or Recheck(reader)
        for step in load_inputs(reader, recheck, one_by_one):
            recheck.made(self._again(step))
            yield
        if reader.ending() is not None:
            self._end()

    def _again(self, step: Step) -> Array:
        """Take one input from the journal."""
        if step.kind == Kind.COMMAND:
            return self._take_command(step.symbol, step.records)
        if step.kind == Kind.LIMITS:
            return self._take_limits(step.records)
        if step.kind == Kind.AMENDMENT:
            return self._take_amendment(json.loads(step.records.tobytes()))
        if step.kind == Kind.NOTE:
            return self._take_note(json.loads(step.records.tobytes()))
        if step.kind in (Kind.CANDLE, Kind.MOMENT):
            return self._take_moment(step.which, step.records)
        return self._take_batch(step.which, step.records)[0]

    def close(self) -> None:
        """Bring everything to the disk and let go; the session can be resumed."""
        if self._journal is not None:
            self._journal.close()
            self.keep(self._journal.anchor(), durable=True)
        if self._account is not None:
            self._account.release()
        if self._lock is not None:
            self._lock.release()

    def adopt(self, account: Account) -> None:
        """Trade on an account that this process holds."""
        self._account = account
        self.keep(durable=True)

    def keep(self, anchor: Anchor | None = None, *, durable: bool = False) -> None:
        """Write down with the account how the session stands.

        ``anchor``: so much of the journal is on the disk; ``durable``: on return this is there too.
        """
        if self._account is not None and not self._account.released:
            rows = self.setup.rows
            names, lots = [row.name for row in rows], [float(row.instrument.lot_size) for row in rows]
            self._account.save(self.id, self.A, self.S, names, lots, anchor, finished=self.finished, durable=durable)

    @property
    def journal(self) -> Journal:
        """Where inputs and rows are written."""
        if self._journal is None:
            raise TriplaneError(f"Session {self.id} was only opened to look at it; it takes no input.")
        return self._journal

    def finish(self) -> None:
        """Close what is open (the data has ended), and end the session for good."""
        if not self.finished:
            for k in range(len(self.S)):
                self.command(CommandKind.END, k)
            self.journal.end({"decisions_sha256": self.decisions.hexdigest(), "rows": self.rows, "time": self.now})
            self._end()
            self.keep(self.journal.anchor(), durable=True)

    def strategy_of(self, sleeve: Sleeve) -> AnyStrategy:
        """What a sleeve runs."""
        return self.core.strategies[self.setup.strategies.index(sleeve.strategy)]

    def spoken(self) -> list[Spoken]:
        """What the decoder has to know of each row."""
        return [Spoken(row.instrument, self.strategy_of(row.sleeve), row.sleeve.name) for row in self.setup.rows]

    def _end(self) -> None:
        self.finished = True
        if self.observer is not None:
            self.observer.on_end(self)

    @property
    def rows(self) -> int:
        """Number of the newest row."""
        return int(self.A[0]["rows"])

    # --------------------------------------------------------------------------------------------------------- inputs
    def feed_candle(self, k: int, candles: Array, i: int = 0) -> Array:
        """Take the closed candle ``candles[i]`` of market ``k``; returns the rows, valid until the next input."""
        candle = candles[i : i + 1]
        if self.finished or candle["open_time"].item() <= self.last_open[k]:
            self._refuse(k, candle["open_time"].item())
        self._write(Kind.CANDLE, candle.tobytes(), k)
        return self._take_moment(self._alone[k], candle)

    def feed_moment(self, which: Array, candles: Array) -> Array:
        """Take the closed candles of one time together; the order they come in does not matter.

        Parameters
        ----------
        which
            The market of each candle, int64, each once.
        candles
            Array of ``records.CANDLE``, all with one open time.

        Returns
        -------
        ndarray
            The rows, valid until the next input.
        """
        if len(candles) == 1:
            return self.feed_candle(which.item(0), candles)
        order = np.argsort(which, kind="stable")
        which, candles = which[order], candles[order]
        opened = candles["open_time"].item(0)
        for i, k in enumerate(which.tolist()):
            if self.finished or opened <= self.last_open[k] or (i and k == which[i - 1]):
                self._refuse(k, opened)
        self._write(Kind.MOMENT, which.tobytes() + candles.tobytes(), NO_SYMBOL, len(candles))
        return self._take_moment(which, candles)

    def feed_batch(self, which: Array, candles: Array) -> tuple[Array, Array]:
        """Take many candles in the order of their time, those of one time together; ``which[i]`` is a candle's market.

        Returns
        -------
        rows, equity
            All rows, and the equity after each candle, once for each row of its market.
        """
        if len(candles) == 0:
            return NOTHING, np.zeros(0)
        for k in np.unique(which):
            times = candles["open_time"][which == k]
            wrong = np.flatnonzero(np.diff(times, prepend=self.last_open[k]) <= 0)
            if self.finished or len(wrong):
                self._refuse(int(k), int(times[wrong[0]] if len(wrong) else times[0]))
        if (which == which[0]).all():
            self._write(Kind.CANDLES, candles.tobytes(), int(which[0]), len(candles))
        else:
            order = np.lexsort((which, candles["open_time"]))
            which, candles = which[order], candles[order]
            payload = which.astype(np.int64).tobytes() + candles.tobytes()
            self._write(Kind.CANDLES, payload, NO_SYMBOL, len(candles))
        return self._take_batch(which, candles)

    def command(self, kind: int, k: int = 0, *, time_ms: int | None = None, **fields: Any) -> Array:
        """Carry out a command for row ``k``; returns the rows, valid until the next input.

        Parameters
        ----------
        kind
            A ``CommandKind``.
        time_ms
            When; by default the market time.
        fields
            Further fields of ``inputs.COMMAND``.
        """
        if self.finished:
            raise TriplaneError(f"Session {self.id} has ended; it takes no command ({CommandKind.labels[kind]}).")
        command = np.zeros(1, COMMAND)
        command[0]["time"] = self.now if time_ms is None else max(time_ms, self.now)
        command[0]["kind"] = kind
        for name, value in fields.items():
            command[0][name] = value
        self.journal.append(Kind.COMMAND, command.tobytes(), k)
        return self._take_command(k, command)

    def set_limits(self, trading: TradingSettings) -> None:
        """Replace the limits of all symbols from here on."""
        record = trading.to_record(self.setup.fixed_lots)
        self.journal.append(Kind.LIMITS, record.tobytes())
        self._take_limits(record)

    def amend(self, setup: Setup, limits: TradingSettings) -> None:
        """Go on with the settings and trading rules of another setup, and with these limits, which may be tighter."""
        values = {
            "trading": setup.trading.model_dump(),
            "costs": setup.costs.model_dump(),
            "instruments": [i.to_dict() for i in setup.instruments],
            "limits": limits.model_dump(),
        }
        self.journal.append(Kind.AMENDMENT, json.dumps(values, separators=(",", ":")).encode())
        self._take_amendment(values)

    def made_up(self) -> float:
        """What the trades that a person simulated have added to the equity of this epoch, the open one included."""
        total = self._made_up
        for k, position in enumerate(self.S["core"]["position"] if self.simulated else ()):
            if position["lots"] and int(position["decision"]) in self.simulated:
                out = position["exit_lots"] * float(self.setup.rows[k].instrument.lot_size)
                realized = (position["exit_value"] - position["entry_price"] * out) * np.sign(position["lots"])
                total += position["unrealized"] + realized - position["fees"] + np.nan_to_num(position["funding"])
        return float(total)

    def note(self, note: Mapping[str, Any]) -> None:
        """Write down, for ever, what the core does not decide; JSON."""
        self.journal.append(Kind.NOTE, json.dumps(note, separators=(",", ":")).encode())
        self._take_note(note)

    def _write(self, kind: Kind, payload: bytes, symbol: int, count: int = 1) -> None:
        """Journal candles; when the disk takes no more, halt before they are looked at: nothing new is opened."""
        journal = self.journal
        before = journal.behind
        journal.append(kind, payload, symbol, count)
        if journal.behind and not before and not self.A["halted"].item(0):
            journal.forget_owed()
            for k in range(len(self.S)):
                self.command(CommandKind.HALT, k, code=Reason.ERROR)
            journal.append(kind, payload, symbol, count)

    def _refuse(self, k: int, open_time: int) -> None:
        if self.finished:
            raise TriplaneError(f"Session {self.id} has ended; it takes no more candles.")
        raise DataError(
            f"The candle of {self.setup.symbols[k]} at {open_time} does not come after the last one, at "
            f"{self.last_open[k]}; candles must come in the order of their time, each once."
        )

    # ------------------------------------------------------------------------------------------------ steps, also again
    def _take_moment(self, which: Array, candles: Array) -> Array:
        self._n_out[0] = 0
        opened = candles["open_time"].item(0)
        for k in which.tolist():
            self.last_open[k] = opened
        self.now = max(self.now, opened + self.setup.base_ms)
        self.candles += len(candles)
        which, candles = self.fan_out(which, candles)
        if len(which) == 0:  # nobody trades a market that no sleeve names
            return NOTHING
        self.core.on_moment(self.A, self.S, which, candles, self._out)
        rows = self._came_out()
        if self.observer is not None:
            self.observer.on_moment(self, which, candles, rows)
        if len(rows):
            self.decisions.update(rows)  # last: nobody waits for the digest
        return rows

    def _take_batch(self, which: Array, candles: Array) -> tuple[Array, Array]:
        if candles.dtype != CANDLE or not (candles.flags.c_contiguous and candles.flags.writeable):
            candles = np.array(candles, CANDLE)  # the compiled step knows one kind of array
        which = np.ascontiguousarray(which, np.int64)
        for k in np.unique(which):
            self.last_open[k] = int(candles["open_time"][which == k][-1])
        self.candles += len(candles)
        self.now = max(self.now, int(candles["open_time"][-1]) + self.setup.base_ms)
        which, candles = self.fan_out(which, candles)
        if len(which) == 0:
            return NOTHING, np.zeros(0)
        equity = np.empty(len(candles))
        parts: list[Array] = []
        at = 0
        while at < len(candles):
            self._n_out[0] = 0
            at = self.core.run(self.A, self.S, which, candles, self._out, equity, at)
            parts.append(self._rows[: self._n_out[0]].copy())
        rows = parts[0] if len(parts) == 1 else np.concatenate(parts)
        self._keep(rows)
        if self.observer is not None:
            self.observer.on_batch(self, which, candles, rows, equity)
        self.decisions.update(rows)
        return rows, equity

    def _take_command(self, k: int, command: Array) -> Array:
        self._n_out[0] = 0
        self.core.on_command(self.A, self.S, k, command, self._out)
        if command["kind"].item(0) == CommandKind.SIMULATE and self._n_out[0]:
            self.simulated.add(self.A["decisions"].item(0))
        elif command["kind"].item(0) == CommandKind.RESET:
            self._made_up = 0.0
        self.now = max(self.now, int(command[0]["time"]))
        rows = self._came_out()
        if self.observer is not None:
            self.observer.on_command(self, k, command, rows)
        self.decisions.update(rows)
        return rows

    def _take_limits(self, record: Array) -> Array:
        self.S["core"]["limits"] = record[0]
        self.trading = settings_of(record)
        if self.observer is not None:
            self.observer.on_limits(self)
        return NOTHING

    def _take_amendment(self, values: Mapping[str, Any]) -> Array:
        trading, costs = TradingSettings.model_validate(values["trading"]), CostSettings.model_validate(values["costs"])
        instruments = tuple(Instrument.from_dict(one) for one in values["instruments"])
        self.setup = replace(self.setup, trading=trading, costs=costs, instruments=instruments)
        self.S["core"]["costs"] = costs.to_record()[0]
        for k, row in enumerate(self.setup.rows):
            self.S["core"]["instrument"][k] = row.instrument.to_record()[0]
        limits = TradingSettings.model_validate(values["limits"])
        return self._take_limits(limits.to_record(self.setup.fixed_lots))

    def _take_note(self, note: Mapping[str, Any]) -> Array:
        if self.observer is not None:
            self.observer.on_note(self, note)
        return NOTHING

    def _came_out(self) -> Array:
        n = self._n_out[0]
        if n == 0:
            return NOTHING
        rows = self._rows[:n]
        self._keep(rows)
        return rows

    def _keep(self, rows: Array) -> None:
        """Journal rows, unless they come out again in a replay."""
        if self.simulated:
            closed = of_kind(rows, RowKind.TRADE)
            self._made_up += sum(row["pnl"] for row in closed if int(row["decision"]) in self.simulated)
        if len(rows) and self._journal is not None:
            self._journal.append(Kind.OUTPUT, rows.tobytes(), count=len(rows))
