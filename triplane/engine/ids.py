"""Identities: each is derived from what it names, so a retry, a crash or a restart can only ever say it again."""

import hashlib
import uuid
from functools import lru_cache
from typing import Final

NAMESPACE: Final = uuid.UUID("6b0f8f4e-3a57-5d0c-9a55-7472695f706c")


def order_id(session_id: str, order: int) -> str:
    """Id of an order inside Triplane."""
    return f"{session_id}.{order}"


def fill_id(session_id: str, seq: int) -> str:
    """Id of a fill."""
    return f"{session_id}.f{seq}"


def _uuid(session_id: str, what: str, number: int) -> str:
    """``uuid5``, written out: it is on the way of every decision."""
    name = f"{session_id}/{what}/{number}".encode()
    digest = bytearray(hashlib.sha1(NAMESPACE.bytes + name, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@lru_cache(maxsize=4096)
def signal_id(session_id: str, decision: int, action: str = "enter") -> str:
    """Id of the signal behind a decision; ``action`` close for the one that ends its position."""
    return _uuid(session_id, "signal" if action == "enter" else "close", decision)


@lru_cache(maxsize=4096)
def position_id(session_id: str, decision: int) -> str:
    """Id of the position that a decision opened; it is the id of its trade too."""
    return _uuid(session_id, "position", decision)


def alert_id(session_id: str, seq: int) -> str:
    """Id of the alert of a row."""
    return _uuid(session_id, "alert", seq)
