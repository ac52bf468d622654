"""What a session was started with stands in its journal; what cannot be read there is told."""

from pathlib import Path
from typing import Any

import pytest

from triplane.engine.journal import Journal, Reader
from triplane.engine.session import JOURNAL, Session
from triplane.engine.verify import verify
from triplane.errors import TriplaneError


def test_a_setup_that_cannot_be_read_is_told(tmp_path: Path, core: Any, make_setup: Any) -> None:
    session = Session.create(tmp_path, make_setup(), core)
    session.close()
    meta = Reader(session.folder / JOURNAL).meta
    (tmp_path / "other").mkdir()
    for change in ({"trading": 5}, {"unknown": 1}, {"instruments": [{"symbol": "X"}]}):
        path = tmp_path / "other" / JOURNAL
        path.unlink(missing_ok=True)
        Journal.create(path, meta | {"setup": meta["setup"] | change}).close()
        with pytest.raises(TriplaneError, match=r"cannot be read|lacks the field"):
            verify(path.parent, core)
