"""What a journal lacks at its end comes out of the replay again."""

from pathlib import Path
from typing import Any

from triplane.engine.journal import Kind, Reader
from triplane.engine.session import JOURNAL, Session
from triplane.engine.verify import verify


def journaled_rows(folder: Path) -> bytes:
    return b"".join(bytes(f.payload) for f in Reader(folder / JOURNAL) if f.kind == Kind.OUTPUT)


def test_rows_that_a_crash_kept_back_are_made_again(
    tmp_path: Path, core: Any, make_setup: Any, make_candles: Any
) -> None:
    session = Session.create(tmp_path, make_setup(), core)
    candles = make_candles(30)
    for i in range(30):
        session.feed_candle(0, candles, i)
    expected = journaled_rows(session.folder)
    session.close()
    last = [f.offset for f in Reader(session.folder / JOURNAL) if f.kind == Kind.OUTPUT][-1]
    with (session.folder / JOURNAL).open("r+b") as file:
        file.truncate(last)
    assert len(journaled_rows(session.folder)) < len(expected)
    result = verify(session.folder, core)
    assert (result.ok, result.missing, result.finished) == (True, 2, False)
    again = Session.resume(session.folder, core)
    again.close()

    assert journaled_rows(session.folder) == expected
    assert verify(session.folder, core).missing == 0
