"""What is only true now: health, candles under way, stages of latency, and the commands of a person.

These messages travel beside the facts between the engine and its readers (page, alerts), but are no part of the stream:
they have no number, are in no journal, and a reader that missed one has lost nothing.
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from triplane.model.facts import AnyFact, Candle, Millis

Age = Annotated[float | None, Meta(description="Seconds since the last sign of life; None when there never was one.")]


class FeedHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The connection to the source of market data."""

    source: str
    connected: bool = False
    stale: bool = False
    reconnects: int = 0
    age_s: Age = None
    last_message_time: Millis | None = None
    text: str | None = None


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """How long one stage took, of the last decisions."""

    name: str
    p50_ms: float
    p99_ms: float
    last_ms: float


class SessionHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How one session of the engine is."""

    session_id: str
    status: Annotated[str, Meta(description="loading, running, finished, stopped or failed.")]
    mode: str
    strategy: str
    symbols: list[str]
    timeframe: str
    speed: float | str
    started_at: Millis
    seq: Annotated[int, Meta(description="Number of its newest fact.")]
    feed: FeedHealth
    halted: bool = False
    halt_reason: str | None = None
    error: Annotated[str | None, Meta(description="What ended it, or what its strategy raised.")] = None
    facts_error: Annotated[str, Meta(description="Why the log of facts cannot be written; else empty.")] = ""
    error_line: Annotated[str | None, Meta(description="The strategy's line, as file:line: source.")] = None
    venue: str | None = None
    venue_age_s: Age = None
    reconciled: bool | None = None
    journal_bytes: int = 0
    journal_behind: Annotated[int, Meta(description="Bytes that a full disk does not take yet.")] = 0
    stages: list[Stage] = []


class Health(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="health"):
    """How the engine is; sent twice a second, so its absence says that the engine's loop does not turn."""

    at: Millis
    pid: int
    started_at: Millis
    version: str
    loop_s: Annotated[float, Meta(description="Longest turn of the event loop since the last message, seconds.")]
    disk_free: Annotated[int | None, Meta(description="Bytes free in the data folder.")]
    disk_low: Annotated[bool, Meta(description="Too little space is left; no entries.")]
    memory_mb: float
    kill_switch: Annotated[bool, Meta(description="Entries are forbidden for every session of the data folder.")]
    kill_reason: str | None
    sessions: list[SessionHealth]
    starting: Annotated[bool, Meta(description="Not all sessions run yet: strategies are compiled, journals read.")] = (
        False
    )
    problems: Annotated[list[str], Meta(description="What went wrong at the start, as sentences.")] = []


class Forming(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="forming"):
    """The base candle under way of one symbol; nothing is decided on it."""

    candle: Candle


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="answer"):
    """What became of a command; ``code`` is ok, not_found, invalid, conflict or failed."""

    id: int
    code: str
    message: str
    data: dict[str, Any] = {}


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag="hello"):
    """First message of a reader: the newest fact that it has of each session, or None to be told no facts."""

    have: dict[str, int] | None


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag="command"):
    """What a person wants of the engine; an id that was answered gets the same answer again."""

    id: int
    kind: str
    session_id: str | None = None
    fields: dict[str, Any] = {}


AnyMessage = Health | Forming | Answer
FROM_ENGINE: Final[msgspec.json.Decoder[AnyFact | AnyMessage]] = msgspec.json.Decoder(AnyFact | AnyMessage)
"""Decodes a line from the engine."""
TO_ENGINE: Final[msgspec.json.Decoder[Hello | Command]] = msgspec.json.Decoder(Hello | Command)
"""Decodes a line to the engine."""
ENCODER: Final = msgspec.json.Encoder()
"""Encodes either; a number that is not finite becomes null."""
