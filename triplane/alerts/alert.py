"""One alert, the same for every service that carries it."""

from typing import Final, Literal, get_args

import msgspec

Severity = Literal["debug", "info", "warning", "critical"]
SEVERITIES: Final[tuple[str, ...]] = get_args(Severity)
"""From the least to the most severe."""

Kind = Literal[
    "opened",
    "closed",
    "fill",
    "signal",
    "rejected",
    "risk",
    "halted",
    "kill_switch",
    "error",
    "feed",
    "engine",
    "session",
]
COUNTED: Final[dict[str, tuple[str, str]]] = {
    "opened": ("position opened", "positions opened"),
    "closed": ("position closed", "positions closed"),
    "fill": ("fill", "fills"),
    "signal": ("signal", "signals"),
    "rejected": ("reject", "rejects"),
    "risk": ("risk alert", "risk alerts"),
    "halted": ("halt", "halts"),
    "kill_switch": ("kill switch", "kill switches"),
    "error": ("error", "errors"),
    "feed": ("feed notice", "feed notices"),
    "engine": ("engine notice", "engine notices"),
    "session": ("session notice", "session notices"),
}
"""Each kind, for one and for several."""

Tone = Literal["good", "bad", "neutral", "warning"]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, for a person."""

    kind: Kind
    severity: Severity
    title: str
    text: str = ""
    tone: Tone = "neutral"
    fields: tuple[tuple[str, str], ...] = ()
    """Names and values."""
    symbol: str = ""
    session_id: str = ""
    key: str = ""
    """Alerts with the same key say the same; by default the kind and the title."""
    where: str = ""
    """Whose it is, such as ``PAPER · ict_blocks``."""
    time: int = 0
    """Milliseconds since 1970, UTC."""

    @property
    def same(self) -> str:
        """What repeats of it have in common."""
        return self.key or f"{self.kind} {self.session_id} {self.title}"

    @property
    def body(self) -> str:
        """Everything but the title, as lines of plain text."""
        lines = [self.text, *(f"{name}: {value}" for name, value in self.fields), self.where]
        return "\n".join(line for line in lines if line)


def count(kinds: dict[str, int]) -> str:
    """``9 fills, 3 rejects``, the most frequent first."""
    ordered = sorted(kinds.items(), key=lambda item: -item[1])
    return ", ".join(f"{number} {COUNTED[kind][number != 1]}" for kind, number in ordered)
