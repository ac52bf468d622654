"""Numbers the facts of a session: the only place that counts, so that a number names one fact for ever."""

from typing import Any


class Heads:
    """Makes what every fact begins with."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.seq = 0

    def make(self, time: int, symbol: str = "", sleeve: str = "", decision: int = 0) -> dict[str, Any]:
        """The head of the next fact."""
        self.seq += 1
        return {"session_id": self.session_id, "seq": self.seq, "time": time, "symbol": symbol, "sleeve": sleeve,
                "decision": decision}  # fmt: skip

    def take_back(self) -> None:
        """The last head was not used."""
        self.seq -= 1
