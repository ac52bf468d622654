"""Which sessions a data folder's `up` was running: the same command, given again, goes on with all of them.

What a session was asked for inherits from the configuration, so it is only taken up again under the same one: nothing
that ran on paper starts with real money because the next command said so.
"""

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from triplane.engine.portfolio import is_portfolio

FILE: Final = "running.json"
DECIDES: Final = (
    "strategy",
    "symbols",
    "timeframe",
    "source",
    "mode",
    "venue",
    "params",
    "balance",
    "speed",
    "account",
    "portfolio",
)

Wanted = Mapping[str, Any]


class Remembered:
    """The file in a data folder.

    Parameters
    ----------
    data_dir
        The folder.
    config
        The configuration as plain JSON.
    """

    def __init__(self, data_dir: Path, config: Mapping[str, Any]) -> None:
        decides = {name: config.get(name) for name in DECIDES}
        if is_portfolio(str(decides["strategy"])):  # the file may say something else by now
            with contextlib.suppress(OSError):
                decides["strategy"] = Path(str(decides["strategy"])).read_text(encoding="utf-8", errors="replace")
        text = json.dumps(decides, sort_keys=True)
        self._path, self._config = data_dir / FILE, hashlib.sha256(text.encode()).hexdigest()
        self._written: list[Wanted] | None = None

    def read(self) -> tuple[list[Wanted], str]:
        """What to run beside the configured session, and a sentence when something is left out."""
        try:
            found = json.loads(self._path.read_text())
            further: list[Wanted] = [one for one in found["wanted"] if isinstance(one, dict) and one]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return [], ""
        if found.get("config") == self._config or not further:
            return further, ""
        what = "session that ran" if len(further) == 1 else "sessions that ran"
        return [], (
            f"{len(further)} further {what} here last will not be continued, since the configuration is another one "
            "now; `triplane sessions` lists them."
        )

    def write(self, wanted: Sequence[Wanted]) -> None:
        """Remember what runs now; a full disk is no reason to stop."""
        if wanted == self._written:
            return
        fresh = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            fresh.write_text(json.dumps({"config": self._config, "wanted": list(wanted)}))
            fresh.replace(self._path)
            self._written = list(wanted)
