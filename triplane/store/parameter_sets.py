"""The table of parameter sets, filled from their files, which are the truth (see ``triplane.research``).

The files are read here and not through the class that writes them, because that one needs the strategies, and with them
the compiler, to check values.
"""

from pathlib import Path

import msgspec
import structlog

from triplane.store.store import Row, Store

log = structlog.get_logger(__name__)


def sync_parameter_sets(store: Store, folder: Path) -> int:
    """Store every version below ``folder``, and which one is active; gives how many there are."""
    rows: list[Row] = []
    for place in sorted(folder.glob("*/*")):
        try:
            active = place / "active.json"
            history = msgspec.json.decode(active.read_bytes())["history"] if active.exists() else []
            versions = [path for path in sorted(place.glob("*.json")) if path.stem.isdigit()]
            rows += [msgspec.json.decode(p.read_bytes()) | {"active": [int(p.stem)] == history[-1:]} for p in versions]
        except (OSError, msgspec.DecodeError, TypeError, KeyError) as error:
            log.warning("parameter sets cannot be read", folder=str(place), error=str(error))
    store.put("parameter_sets", rows)
    return len(rows)
