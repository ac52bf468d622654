"""The account that sessions trade on, one after the other: what must outlive each of them.

There is one record for each mode, venue and account name, a file in the data folder: the halt with its reason, the
day's loss, the peak, what is open, and for each session the length and digest of its journal. Whoever opens a session
opens the account first, so what was halted is still halted under other settings or another strategy, and a journal that
was cut, changed or taken away is told, never silently begun anew.

One process at a time holds an account. On paper there are as many as wanted: a further session that names none takes
the first that is free.
"""

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import numpy as np
from msgspec.structs import replace

from triplane.engine.journal import Anchor, Reader
from triplane.engine.lock import FolderHeld, FolderLock
from triplane.errors import BadInput, TriplaneError
from triplane.kernel.codes import Leg, Reason
from triplane.kernel.records import ACCOUNT

Array = np.ndarray[Any, Any]

FOLDER: Final = "accounts"
MAIN: Final = "main"
UNNAMED: Final = re.compile(rf"{MAIN}(-[2-9]|-[1-9][0-9]+)?")
"""The accounts of sessions that name none."""
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
CARRIED: Final = (
    "balance", "equity", "peak_equity", "max_drawdown", "day", "day_equity", "trades_today", "trades",
    "return_sum", "return_square", "fees", "funding", "halted", "halt_code", "epoch",
)  # fmt: skip
"""Columns of the core's account that a new session begins with."""


class Held(msgspec.Struct, frozen=True):
    """What is open in one symbol: base units, signed, and whether an entry is working."""

    quantity: float = 0.0
    entry_price: float = 0.0
    stop: float = 0.0
    entry_working: bool = False


class Record(msgspec.Struct, frozen=True):
    """What is kept of an account.

    Attributes
    ----------
    session
        The newest; empty after a reset.
    finished
        Its data has ended: nothing is carried over.
    state
        Columns of the core's account (:data:`CARRIED`) as they were last.
    held
        By symbol.
    journals
        By session, how its journal was seen last.
    """

    mode: str
    venue: str
    account: str
    session: str = ""
    finished: bool = False
    saved_at: int = 0
    state: Mapping[str, float] = {}
    held: Mapping[str, Held] = {}
    journals: Mapping[str, Anchor] = {}

    @property
    def epoch(self) -> int:
        """Which beginning of the paper account counts, from 0."""
        return int(self.state.get("epoch", 0))

    @property
    def halt_reason(self) -> str | None:
        """Why entries are forbidden until a person resumes."""
        return Reason(int(self.state["halt_code"])).label if self.state.get("halted") else None


class _File(msgspec.Struct):
    sha256: str
    record: msgspec.Raw


def folder_of(data_dir: Path, mode: str, venue: str, account: str) -> Path:
    """Where an account is kept; a venue may be the path of recorded candles."""
    short = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(venue).name)[:40] or "-"
    if short != venue:
        short += f"-{hashlib.sha256(venue.encode()).hexdigest()[:8]}"
    return data_dir / FOLDER / f"{mode}-{short}-{account}"


def read_record(path: Path) -> Record | None:
    """The record in a file, None when there is none; raises TriplaneError when it cannot be trusted."""
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for ever
            raise TriplaneError(f"The record of the account, {path}, cannot be read: it is not a file.")
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TriplaneError(f"The record of the account, {path}, cannot be read: {error.strerror}.") from error
    try:
        found = msgspec.json.decode(content, type=_File)
        whole = hashlib.sha256(bytes(found.record)).hexdigest() == found.sha256
        record = msgspec.json.decode(found.record, type=Record) if whole else None
        if record is not None:
            Reason(int(record.state.get("halt_code", 0)))
    except (msgspec.MsgspecError, ValueError):
        record = None
    if record is not None and path.parent.name != folder_of(Path(), record.mode, record.venue, record.account).name:
        raise TriplaneError(f"The record {path} is a copy of that of account {record.account}; take it away.")
    if record is None:
        raise TriplaneError(
            f"The record of the account, {path}, is damaged: halts, losses and open positions cannot be told. Put it "
            "back from a backup, or give it up: `triplane accounts reset`."
        )
    return record


def records(data_dir: Path) -> Iterator[tuple[Path, Record | TriplaneError]]:
    """All accounts of a data folder; of one that cannot be trusted, why."""
    for path in sorted((data_dir / FOLDER).glob("*/record.json")):
        try:
            record = read_record(path)
        except TriplaneError as error:
            yield path, error
        else:
            if record is not None:
                yield path, record


def give_up(path: Path) -> Path:
    """Put a damaged record aside, so that the account begins anew; returns where it is kept."""
    lock = FolderLock(path.parent, "The account is traded by a session.")
    try:
        return path.replace(path.with_name(f"record-{time.time_ns() // 1_000_000}.json"))
    finally:
        lock.release()


def anchor_of(data_dir: Path, session: str) -> Anchor | None:
    """How the journal of a session was seen last; None when no account knows it."""
    known = (record.journals.get(session) for _, record in records(data_dir) if isinstance(record, Record))
    return next((anchor for anchor in known if anchor is not None), None)


class Account:
    """An account, held by this process until :meth:`release`; raises FolderHeld when another one holds it."""

    def __init__(self, data_dir: Path, mode: str, venue: str, name: str) -> None:
        if not NAME.fullmatch(name):
            raise BadInput(f"account is {name!r}; it must be 1 to 32 small letters, digits, dots, dashes, underscores")
        self.folder = folder_of(data_dir, mode, venue, name)
        self.path = self.folder / "record.json"
        self.released = False
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(self.folder, f"Account {name} ({mode}, {venue}) is traded by another session.")
        try:
            self.record = read_record(self.path) or Record(mode, venue, name)
        except BaseException:
            self._lock.release()
            raise

    @classmethod
    def take(cls, data_dir: Path, mode: str, venue: str, name: str) -> Self:
        """Hold the account with this name; with none, on paper, the first that is free (but for ``main``: and flat)."""
        if mode != "paper" and name not in ("", MAIN):
            raise BadInput(f"account is {name!r}; at a venue there is one, {MAIN}: leave it out")
        if name or mode != "paper":
            return cls(data_dir, mode, venue, name or MAIN)
        number = 1
        while True:
            with contextlib.suppress(FolderHeld):
                account = cls(data_dir, mode, venue, MAIN if number == 1 else f"{MAIN}-{number}")
                if number == 1 or not any(one.quantity for one in account.record.held.values()):
                    return account
                account.release()  # it waits for the session whose position it holds
            number += 1

    def release(self) -> None:
        """Let go; may be called twice."""
        self.released = True
        self._lock.release()

    def write(self, record: Record, *, durable: bool = True) -> None:
        """Keep the record; it is replaced whole or not at all. ``durable``: on return it is on the disk."""
        text = msgspec.json.encode(record)
        digest = hashlib.sha256(text).hexdigest()
        fresh = self.path.with_suffix(".new")
        try:
            with fresh.open("wb") as file:
                file.write(msgspec.json.encode(_File(digest, msgspec.Raw(text))))
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            fresh.replace(self.path)
        except OSError as error:
            why = error.strerror
            raise TriplaneError(f"The record of the account, {self.path}, cannot be written: {why}.") from error
        self.record = record

    def save(
        self, session: str, A: Array, S: Array, symbols: Sequence[str], lots: Sequence[float], anchor: Anchor | None,
        *, finished: bool = False, durable: bool = False,
    ) -> None:  # fmt: skip
        """Keep how a session stands; ``lots`` are the lot sizes of its symbols."""
        journals = dict(self.record.journals)
        if anchor is not None:
            journals[session] = anchor
        core = S["core"]
        held = {
            symbol: Held(
                float(core["position"]["lots"][k]) * lots[k],
                float(core["position"]["entry_price"][k]),
                float(core["position"]["stop"][k]),
                bool(core["legs"]["order"][k][Leg.ENTRY]),
            )
            for k, symbol in enumerate(symbols)
            if core["position"]["lots"][k] or core["legs"]["order"][k][Leg.ENTRY]
        }
        state = {name: A[name].item(0) for name in CARRIED}
        now = time.time_ns() // 1_000_000
        self.write(
            replace(
                self.record,
                session=session,
                finished=finished,
                saved_at=now,
                state=state,
                held=held,
                journals=journals,
            ),
            durable=durable,
        )

    def require_journal(self, sessions: Path) -> Reader:
        """The journal of the newest session, whole as it was seen last; raises TriplaneError."""
        session = self.record.session
        path = sessions / session / "journal.tpj"
        if not path.is_file():
            raise TriplaneError(
                f"The journal of session {session}, {path}, is gone; account {self.record.account} was traded by it "
                "and is not silently begun anew. Put the folder back, or give it up: `triplane accounts --help`."
            )
        reader = Reader(path)
        anchor = self.record.journals.get(session)
        if anchor is not None:
            reader.holds(anchor)
        return reader

    def opening(self, lost: str) -> dict[str, float]:
        """What a new session begins with; empty for a fresh account. Raises TriplaneError while something is open.

        ``lost``: why the session that holds it cannot go on; then what is open on paper is closed in the books, at the
        price that it was marked to last.
        """
        record = self.record
        if not record.state:
            return {}
        if record.finished:
            return {"epoch": record.epoch + 1}
        open_ = {symbol: one for symbol, one in record.held.items() if one.quantity or record.mode != "paper"}
        if open_:  # an entry that only the simulated broker knows ends with its session
            what = ", ".join(_held(symbol, one) for symbol, one in open_.items())
            if lost and record.mode == "paper":
                return {**self._carried(), "balance": record.state["equity"]}
            way = "Or begin the account anew: `triplane accounts reset"
            if record.mode != "paper":
                way = f"If it was closed elsewhere, say so: `triplane accounts settled --mode {record.mode}"
            raise TriplaneError(
                f"{lost} Account {record.account} ({record.mode}, {record.venue}) is not flat: {what}. Session "
                f"{record.session} trades it: go on with its strategy, parameters, symbols and timeframe, or close it "
                f"there first. {way} {record.account}`.".strip()
            )
        return self._carried()

    def _carried(self) -> dict[str, float]:
        return {name: value for name, value in self.record.state.items() if name in (ACCOUNT.names or ())}


def _held(symbol: str, held: Held) -> str:
    if held.quantity == 0:
        return f"an entry in {symbol} is working"
    return f"{'long' if held.quantity > 0 else 'short'} {abs(held.quantity):g} {symbol} at {held.entry_price:g}"
