"""The proof that a session can be replayed from its journal, decision for decision, byte for byte."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from triplane.engine.account import anchor_of
from triplane.engine.decisions import DecisionHash
from triplane.engine.journal import Kind, Reader
from triplane.engine.replay import Difference, ReplayError
from triplane.engine.session import JOURNAL, Session
from triplane.engine.setup import code_of, read_setup
from triplane.errors import BadInput
from triplane.kernel.rows import OUTPUT
from triplane.kernel.rules import RULES
from triplane.strategies.compiler import Core


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What a replay from the beginning proved.

    Attributes
    ----------
    ok
        Every journaled row came out again, byte for byte; of a journal made by other rules: it is whole.
    rules
        Version of the rules that made it.
    rows, candles
        Rows that were compared, candles that were replayed.
    missing
        Rows that the journal lacks at its end: the process died between a candle and what came of it.
    finished
        The session has ended; then its ``decisions_sha256`` was compared too.
    difference
        The first row that differs.
    note
        A sentence when the code has changed since, else empty.
    """

    ok: bool
    session: str
    candles: int
    rows: int
    missing: int
    decisions: int
    decisions_sha256: str
    finished: bool
    seconds: float
    rules: int = RULES
    note: str = ""
    difference: Difference | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def session_folder(data_dir: Path, session_id: str) -> Path:
    """The folder of a session; raises BadInput when there is none with this id."""
    folder = data_dir / "sessions" / session_id
    if not session_id or Path(session_id).name != session_id or not (folder / JOURNAL).is_file():
        raise BadInput(f"There is no session {session_id!r} in {data_dir}; see `triplane sessions`.")
    return folder


def _whole(reader: Reader, unknown: str) -> VerifyResult:
    """What can be said of a journal that other rules made: every frame is whole, and its end fits its decisions."""
    begin = time.perf_counter()
    decisions, rows, candles = DecisionHash(), 0, 0
    for frame in reader:
        if frame.kind == Kind.OUTPUT:
            decisions.update(np.frombuffer(frame.payload, OUTPUT))
            rows += frame.n
        elif frame.kind in (Kind.CANDLE, Kind.CANDLES, Kind.MOMENT):
            candles += frame.n
    ending, made_by = reader.ending(), reader.meta.get("rules", 1)
    digest = decisions.hexdigest()
    difference = None
    if ending is not None and ending.get("decisions_sha256") != digest:
        told = ending.get("decisions_sha256")
        what = f"decisions_sha256 of its rows is {digest}, at the end of the session it was {told}."
        difference = Difference(rows, 0, what)
    return VerifyResult(
        ok=difference is None, session=str(reader.meta["session"]), candles=candles, rows=rows, missing=0,
        decisions=decisions.count, decisions_sha256=digest, finished=ending is not None,
        seconds=time.perf_counter() - begin, rules=made_by,
        note=f"Made by version {made_by} of the trading rules; this Triplane has version {RULES}, so its decisions "
        f"were not made again: its frames are whole, and its rows are those that it ended with. {unknown}".strip(),
        difference=difference,
    )  # fmt: skip


def verify(path: Path, core: Core | None = None) -> VerifyResult:
    """Replay a whole journal and compare every row.

    Parameters
    ----------
    path
        The journal, or the folder of its session.
    core
        The compiled strategy; by default it is found and compiled by the name in the journal.

    Raises
    ------
    TriplaneError
        The journal cannot be read, was cut or changed, or its strategy is not there any more.
    """
    folder = path if path.is_dir() else path.parent
    reader = Reader(folder / JOURNAL)
    anchor = anchor_of(folder.parent.parent, str(reader.meta["session"]))
    if anchor is not None:
        reader.holds(anchor)
    reader.chain()
    unknown = "" if anchor else "No account knows this journal, so nobody can tell whether its end was cut off."
    if reader.meta.get("rules", 1) != RULES:
        return _whole(reader, unknown)
    core = core or read_setup(reader.meta).core()
    session = Session(folder, reader.meta, core)
    begin = time.perf_counter()
    difference = None
    rows = missing = 0
    try:
        recheck = session.replay(reader)
        missing = len(recheck.missing())
        rows = recheck.rows
    except ReplayError as error:
        difference, rows = error.difference, error.rows
    ending = reader.ending()
    digest = session.decisions.hexdigest()
    told = digest if ending is None else ending.get("decisions_sha256")
    if difference is None and told != digest:
        what = f"decisions_sha256 is {digest}, at the end of the session it was {told}."
        difference = Difference(session.rows, session.now, what)
    changed = [name for name, value in code_of(core).items() if reader.meta["code"].get(name) != value]
    return VerifyResult(
        ok=difference is None,
        session=session.id,
        candles=session.candles,
        rows=rows,
        missing=missing,
        decisions=session.decisions.count,
        decisions_sha256=digest,
        finished=ending is not None,
        seconds=time.perf_counter() - begin,
        note=" ".join(
            filter(None, (f"Changed since the session began: {', '.join(changed)}." if changed else "", unknown))
        ),
        difference=difference,
    )
