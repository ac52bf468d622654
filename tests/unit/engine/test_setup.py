"""What a session was started with stands in its journal; what cannot be read there is told."""

from pathlib import Path
from typing import Any

import pytest

from triplane.engine.journal import Journal, Reader
from triplane.engine.session import JOURNAL, Session
from triplane.engine.setup import Setup
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


def test_costs_that_a_header_does_not_name_were_not_charged(make_setup: Any) -> None:
    """Written before there were impact, participation and latency: they are off, whatever the defaults are today."""
    written = make_setup().to_dict()
    written["costs"] = {
        "maker_fee": 0.0004, "taker_fee": 0.0004, "slippage": 0.0, "through_ticks": 1, "leverage": 1.0,
    }  # fmt: skip
    costs = Setup.from_dict(written).costs

    assert (costs.impact, costs.participation, costs.latency_ms) == (0.0, 0.0, 0)
    assert Setup.from_dict(make_setup().to_dict()).costs == make_setup().costs
