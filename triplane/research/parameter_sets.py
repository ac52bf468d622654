"""Parameter sets: named, versioned values that strategies run with, kept as one JSON file for each version.

A set belongs to a *kind*: ``regime`` (a fitted regime model) or the name of a strategy (values of its parameters).
Versions count from 1 and are never changed; a new value is a new version that says from which data it was made. At most
one version of a name is *active*; rolling back makes the one active again that was before it.

::

    FOLDER/regime/btc/1.json         the versions
    FOLDER/regime/btc/2.json
    FOLDER/regime/btc/active.json    {"history": [1, 2]}: what was made active, the last one counts

Every file is written beside its place and moved into it, so that a crash never leaves half a file.
"""

import os
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from triplane.errors import BadInput
from triplane.strategies.regime_model import regime_record
from triplane.strategies.registry import find

REGIME_KIND: Final = "regime"
FOLDER: Final = "parameter_sets"
"""Name of the folder inside the data folder."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_MISSING: Final = object()


@dataclass(frozen=True)
class ParameterSet:
    """One version.

    Parameters
    ----------
    kind, name, version
        Its identity.
    values
        What a strategy gets.
    created_at
        ms UTC.
    data_sha256, train_from, train_to
        From which candles it was made, and their range in ms UTC; empty and 0 when from none.
    note
        A note for people.
    """

    kind: str
    name: str
    version: int
    values: Mapping[str, Any]
    created_at: int = 0
    data_sha256: str = ""
    train_from: int = 0
    train_to: int = 0
    note: str = ""
    active: bool = field(default=False, compare=False)

    def summary(self) -> dict[str, Any]:
        """Everything but the values."""
        return {name: value for name, value in asdict(self).items() if name != "values"}


def _checked_name(what: str, text: str) -> str:
    if not _NAME.fullmatch(text):
        raise BadInput(
            f"{what} is {text!r}; it must be 1 to 64 letters, digits, dots, dashes or underscores, and begin with a "
            "letter or digit."
        )
    return text


def _checked_values(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are kept: whole models, and for a strategy only what was given, checked by it."""
    if kind == REGIME_KIND:
        regime_record(values)
        return dict(values)
    resolved = find(kind).resolve(values)
    return {name: resolved[name] for name in values}


def _write(path: Path, value: object, new: bool = False) -> None:
    """Write a JSON file as a whole or not at all; a ``new`` one raises FileExistsError when it is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False, suffix=".tmp") as file:
        file.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if not new:
        Path(file.name).replace(path)
        return
    try:
        path.hardlink_to(file.name)
    finally:
        Path(file.name).unlink()


def _read(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise BadInput(f"Parameter set file {path} cannot be read: {error}.") from None


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Leaves of nested values by their path, ``fits[0].center[1]``."""
    if isinstance(value, Mapping):
        parts = [_flat(v, f"{path}.{k}" if path else str(k)) for k, v in value.items()]
    elif isinstance(value, list):
        parts = [_flat(v, f"{path}[{i}]") for i, v in enumerate(value)]
    else:
        return {path: value}
    return {k: v for part in parts for k, v in part.items()}


class ParameterSets:
    """The parameter sets in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _place(self, kind: str, name: str) -> Path:
        return self.folder / _checked_name("kind", kind) / _checked_name("name", name)

    def _versions(self, kind: str, name: str) -> list[int]:
        place = self._place(kind, name)
        return sorted(int(p.stem) for p in place.glob("*.json") if p.stem.isdigit())

    def _history(self, kind: str, name: str) -> list[int]:
        path = self._place(kind, name) / "active.json"
        return list(_read(path)["history"]) if path.exists() else []

    def create(
        self,
        kind: str,
        name: str,
        values: Mapping[str, Any],
        *,
        data_sha256: str = "",
        train_from: int = 0,
        train_to: int = 0,
        note: str = "",
        now_ms: int | None = None,
    ) -> ParameterSet:
        """Store values as the next version of ``name``; it becomes active only by :meth:`activate`.

        Raises
        ------
        BadInput
            Values that the strategy (or the regime filter) would not take, or an invalid name.
        """
        place = self._place(kind, name)
        values = _checked_values(kind, values)
        created_at = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        while True:
            version = max(self._versions(kind, name), default=0) + 1
            made = ParameterSet(kind, name, version, values, created_at, data_sha256, train_from, train_to, note)
            stored = asdict(made)
            del stored["active"]
            try:
                _write(place / f"{version}.json", stored, new=True)
            except FileExistsError:  # somebody else has just taken this number
                continue
            return made

    def active_version(self, kind: str, name: str) -> int | None:
        """The version that is active, or None."""
        history = self._history(kind, name)
        return history[-1] if history else None

    def get(self, kind: str, name: str, version: int | None = None) -> ParameterSet:
        """One version, by default the active one."""
        versions = self._versions(kind, name)
        if not versions:
            known = ", ".join(sorted({s.name for s in self.list(kind)})) or "none"
            raise BadInput(f"There is no parameter set {name} of kind {kind}; there are: {known}.")
        active = self.active_version(kind, name)
        wanted = version if version is not None else active
        if wanted is None:
            raise BadInput(f"No version of parameter set {name} is active; there are: {', '.join(map(str, versions))}.")
        if wanted not in versions:
            there = ", ".join(map(str, versions))
            raise BadInput(f"Parameter set {name} has no version {wanted}; there are: {there}.")
        return ParameterSet(**_read(self._place(kind, name) / f"{wanted}.json"), active=wanted == active)

    def list(self, kind: str | None = None, name: str | None = None) -> list[ParameterSet]:
        """All versions, by kind, name and number."""
        kinds = [kind] if kind else sorted(p.name for p in self.folder.glob("*") if p.is_dir())
        found = []
        for one in kinds:
            names = [name] if name else sorted(p.name for p in (self.folder / one).glob("*") if p.is_dir())
            found += [self.get(one, n, v) for n in names for v in self._versions(one, n)]
        return found

    def diff(self, kind: str, name: str, old: int, new: int) -> dict[str, tuple[Any, Any]]:
        """What changed from one version to another: path of the value → (old, new), None where it is not."""
        before, after = (_flat(dict(self.get(kind, name, v).values)) for v in (old, new))
        paths = dict.fromkeys([*before, *after])
        return {
            path: (before.get(path), after.get(path))
            for path in paths
            if before.get(path, _MISSING) != after.get(path, _MISSING)
        }

    def activate(self, kind: str, name: str, version: int) -> ParameterSet:
        """Make a version the active one."""
        self.get(kind, name, version)
        history = self._history(kind, name)
        if history[-1:] != [version]:
            _write(self._place(kind, name) / "active.json", {"history": [*history, version]})
        return self.get(kind, name, version)

    def roll_back(self, kind: str, name: str) -> ParameterSet:
        """Make the version active again that was before the active one."""
        history = self._history(kind, name)
        if len(history) < 2:
            raise BadInput(f"Parameter set {name} of kind {kind} cannot be rolled back: nothing was active before.")
        _write(self._place(kind, name) / "active.json", {"history": history[:-1]})
        return self.get(kind, name)


def regime_values(source: str | Path | Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """The regime model that a user names.

    Parameters
    ----------
    source
        The values themselves, path of a JSON file, or name of a parameter set (``btc``: its active version, ``btc@2``).
    folder
        Of the parameter sets.
    """
    if isinstance(source, Mapping):
        return source
    text = str(source)
    if text.endswith(".json"):
        content = _read(Path(text))
        values = content.get("values", content) if isinstance(content, dict) else {}
        return dict(values)
    name, sign, number = text.partition("@")
    if sign and not number.isdigit():
        raise BadInput(f"regime is {text!r}; it must be a name, name@version, or the path of a .json file.")
    return ParameterSets(folder).get(REGIME_KIND, name, int(number) if sign else None).values
