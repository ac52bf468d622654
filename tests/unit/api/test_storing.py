"""The database beside the page: opened when it can be, and nothing is lost meanwhile."""

import asyncio
from pathlib import Path

import pytest

from triplane.api import storing as storings
from triplane.api.storing import OPENING, Storing
from triplane.model.live import ENCODER
from triplane.store import Store, StoreError

from .streams import Stream


def lay_down(folder: Path, stream: Stream) -> None:
    (folder / "sessions" / stream.session_id).mkdir(parents=True, exist_ok=True)
    lines = b"".join(ENCODER.encode(fact) + b"\n" for fact in stream.facts)
    (folder / "sessions" / stream.session_id / "facts.jsonl").write_bytes(lines)


async def test_what_was_told_before_it_was_open_is_stored(tmp_path: Path) -> None:
    storing = Storing(str(tmp_path / "triplane.sqlite"), tmp_path)
    stream = Stream()
    for number in range(5):
        stream.trade(f"t{number}")
    lay_down(tmp_path, stream)
    storing.on_facts(stream.facts)
    assert (storing.behind, storing.error, storing.age) == (6, None, 0.0)
    with pytest.raises(StoreError, match=OPENING):
        _ = storing.store
    await storing.open()
    storing.on_facts([stream.trade("later")])
    storing.close()
    with Store(tmp_path / "triplane.sqlite") as store:
        assert store.trades().total == 6


async def test_it_is_tried_again_until_it_can_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storings, "AGAIN_S", 0.001)
    target = tmp_path / "triplane.sqlite"
    target.write_bytes(b"this is no database" * 100)
    storing = Storing(str(target), tmp_path)
    opening = asyncio.create_task(storing.open())
    async with asyncio.timeout(20):
        while storing.error is None:
            await asyncio.sleep(0.001)
    assert "it is not a database" in storing.error
    with pytest.raises(StoreError, match="it is not a database"):
        _ = storing.store
    target.unlink()
    await asyncio.wait_for(opening, 20)
    assert (storing.error, storing.behind) == (None, 0)
    assert storing.store.trades().total == 0
    storing.close()


def test_an_address_is_no_file() -> None:
    assert Storing("postgresql+psycopg://somebody@host/name", Path("x"))._target == (
        "postgresql+psycopg://somebody@host/name"
    )
    Storing("x.sqlite", Path("x")).close()
