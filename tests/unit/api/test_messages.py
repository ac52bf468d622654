"""The log of messages: numbers that grow, pictures that replace each other, bytes that are made once."""

from typing import Any

import msgspec
import pytest

from triplane.api.messages import BATCH, EVERY_SESSION, PICTURES, Filter, MessageLog, frame_of
from triplane.api.replica.views import Resync

from .streams import texts


@pytest.fixture
def log() -> MessageLog:
    made = MessageLog(0, capacity=8)
    made.shown = "s"
    return made


def add(log: MessageLog, topic: str = "marker", data: Any = None, picture: str | None = None, **more: Any) -> int:
    head = {"session_id": "s", "symbol": "BTCUSDT", "timestamp": 7} | more
    return log.append(
        topic, head["session_id"], head["symbol"], head["timestamp"], data, (picture,) if picture else None
    )


def ids(log: MessageLog, after: int = 0) -> list[int]:
    return [message.id for message in log.after(after)]


def test_the_last_are_kept_and_numbers_grow_over_a_restart(log: MessageLog) -> None:
    assert (log.first_id, ids(log)) == (1, [])
    for number in range(10):
        add(log, data=number)
    assert (ids(log), log.first_id, log.published) == (list(range(3, 11)), 3, 10)
    assert ids(log, 8) == [9, 10]
    later = MessageLog(1)
    assert later.first_id > MessageLog(0, capacity=8).last_id + 999


def test_a_newer_picture_takes_the_place_of_the_one_before(log: MessageLog) -> None:
    for number in range(3):
        add(log, data=number, picture="btc")
        add(log, data=number, picture="eth")
    add(log, data="event")
    assert [message.data for message in log.after(0)] == [2, 2, "event"]
    assert log.batch(0, Filter()).left_out == 4
    for number in range(20):
        add(log, data=number)
    add(log, data="again", picture="btc")
    assert list(log.after(26))[-1].data == "again"


def test_marks_of_pictures_do_not_grow_without_bound() -> None:
    log = MessageLog(0, capacity=8)
    for number in range(3 * PICTURES):
        add(log, picture=f"p{number}")
    assert len(log._pictures) <= PICTURES + 1


def test_a_batch_is_made_once_for_all_at_the_same_place(log: MessageLog) -> None:
    add(log, data={"n": 1})
    first = log.batch(0, Filter())
    assert log.batch(0, Filter()) is first
    assert log.batch(0, Filter(frozenset({"marker"}))) is not first
    add(log, data={"n": 2})
    again = log.batch(0, Filter())
    assert again is not first
    assert again.each[0] is first.each[0]  # encoded once
    assert (again.last_id, len(again.each)) == (2, 2)


def test_what_a_message_looks_like(log: MessageLog) -> None:
    add(log, "marker", {"price": float("nan")})
    (text,) = texts(log.batch(0, Filter()).frames)
    assert msgspec.json.decode(text) == {
        "id": 1, "type": "marker", "session_id": "s", "symbol": "BTCUSDT", "timestamp": 7, "data": {"price": None},
    }  # fmt: skip


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_frames_are_those_of_the_protocol(size: int) -> None:
    from websockets.frames import Frame, Opcode

    text = b"x" * size
    assert frame_of(text) == Frame(Opcode.TEXT, text).serialize(mask=False)
    assert list(texts(2 * frame_of(text))) == [text, text]


def test_a_batch_ends_before_it_is_too_large_for_one_client(log: MessageLog) -> None:
    for _ in range(3):
        add(log, data="x" * (BATCH // 2))
    first = log.batch(0, Filter())
    assert (len(first.each), first.last_id) == (2, 2)
    rest = log.batch(first.last_id, Filter())
    assert (len(rest.each), rest.last_id) == (1, 3)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), ["mine", "of all symbols", "of a row", "resync", "health"]),
        (Filter(topics=frozenset({"marker"})), ["mine", "of all symbols", "of a row", "resync"]),
        (Filter(topics=frozenset({"facts"})), ["resync", "fact"]),
        (Filter(symbols=frozenset({"ETHUSDT"})), ["of all symbols", "resync", "health"]),
        (Filter(symbols=frozenset({"BTCUSDT"})), ["mine", "of all symbols", "of a row", "resync", "health"]),
        (Filter(symbols=frozenset({"BTCUSDT:fast"})), ["mine", "of all symbols", "of a row", "resync", "health"]),
        (Filter(symbols=frozenset({"BTCUSDT:slow"})), ["mine", "of all symbols", "resync", "health"]),
        (Filter(session="t"), ["other session", "health"]),
        (Filter(session=EVERY_SESSION), ["mine", "other session", "of all symbols", "of a row", "resync", "health"]),
    ],
)
def test_what_a_client_wants(log: MessageLog, wanted: Filter, expected: list[str]) -> None:
    add(log, data="mine")
    add(log, data="other session", session_id="t")
    add(log, data="of all symbols", symbol=None)
    add(log, data="of a row", symbol="BTCUSDT:fast")
    add(log, "resync", Resync(reason="resync"))
    add(log, "health", "health", session_id=None, symbol=None)
    add(log, "facts", "fact")
    found = [msgspec.json.decode(text)["data"] for text in texts(log.batch(0, wanted).frames)]
    assert [one["reason"] if isinstance(one, dict) else one for one in found] == expected


def test_who_wants_nothing_is_moved_on_all_the_same(log: MessageLog) -> None:
    add(log)
    add(log)
    batch = log.batch(0, Filter(topics=frozenset()))
    assert (batch.each, batch.frames, batch.last_id) == ([], b"", 2)
