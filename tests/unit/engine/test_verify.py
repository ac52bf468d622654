"""A session is proved from its journal alone, or the first difference is told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triplane.engine.session import JOURNAL, Session
from triplane.engine.verify import session_folder, verify
from triplane.errors import TriplaneError


def test_verify_proves_a_session_and_finds_the_first_difference(
    tmp_path: Path, core: Any, make_setup: Any, make_candles: Any
) -> None:
    session = Session.create(tmp_path / "sessions", make_setup(), core)
    session.feed_batch(np.zeros(50, np.int64), make_candles(50))
    session.finish()
    session.close()
    result = verify(session_folder(tmp_path, session.id) / JOURNAL, core)
    assert result.ok
    assert (result.candles, result.rows, result.finished) == (50, session.rows, True)
    assert result.decisions_sha256 == session.decisions.hexdigest()
    assert result.to_dict()["difference"] is None

    class Other(type(core)):  # type: ignore[misc]
        source_hash = "other"

        def _row(self, A: Any, k: int, time: int, kind: int, value: float, out: Any) -> None:
            super()._row(A, k, time, kind, value + (A[0]["rows"] == 6), out)

    result = verify(session.folder, Other())
    assert not result.ok
    assert result.difference is not None
    assert result.difference.seq == 7
    assert "x [" in result.difference.what
    assert result.note.startswith("Changed since the session began: strategy. No account knows this journal")


def test_records_of_another_version_are_told(
    tmp_path: Path, core: Any, monkeypatch: pytest.MonkeyPatch, make_setup: Any
) -> None:
    session = Session.create(tmp_path, make_setup(), core)
    session.close()
    monkeypatch.setattr("triplane.engine.setup.fingerprints", dict)
    with pytest.raises(TriplaneError, match="whose records differ"):
        verify(session.folder, core)


def test_an_ending_without_a_digest_is_a_difference(tmp_path: Path, core: Any, make_setup: Any) -> None:
    session = Session.create(tmp_path, make_setup(), core)
    session.journal.end({})
    session.close()
    assert not verify(session.folder, core).ok
