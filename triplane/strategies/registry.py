"""Finding strategies by name: the built-in ones, the user's files, and those of installed packages.

A user's strategy is one file that defines ``STRATEGY``. Folders are searched in this order: ``TRIPLANE_STRATEGIES``
(separated like ``PATH``), then ``./strategies``. A path to a ``.py`` file is taken as it is.
A package names its strategies as entry points of the group ``triplane.strategies``. Other parts that a user may write
(:func:`find_part`) come from a file or a package in the same way.
"""

import importlib.util
import linecache
import os
import re
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from triplane.errors import BadInput, TriplaneError
from triplane.strategies.base import AnyStrategy, PythonStrategy, Strategy
from triplane.strategies.sources import source_hash, sources

BUILT_IN = ("ema_cross", "ict_blocks", "ict_classic", "retest_analyzer", "smc_heuristic", "regime_trend", "confluence")
_SPEAKS = re.compile(rb"^[^#\n]*\bSTRATEGY\b", re.MULTILINE)


class _FromSource(SourceFileLoader):
    """Never takes bytecode that was kept: Python knows it by whole seconds and the size, too rough for an editor."""

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the importer's signature
        """Compile the file as it is now."""
        return self.source_to_code(self.get_data(self.path), self.path)


_helpers: dict[str, bytes] = {}
"""The files beside those of users that were imported for them, and what they held then."""


def _forget_helpers(path: Path) -> None:
    """Let modules that have changed, or have the name of one beside this file, be imported again."""
    importlib.invalidate_caches()
    for file in sources(path)[1:]:
        held, where = file.read_bytes(), str(file)
        changed = _helpers.get(where) != held
        for name, module in list(sys.modules.items()):
            same = getattr(module, "__file__", None) == where
            if (same and changed) or (not same and name == file.stem and file.parent == path.parent):
                del sys.modules[name]
        linecache.checkcache(where)
        _helpers[where] = held


@contextmanager
def _beside(path: Path) -> Iterator[None]:
    """What a user's file imports is looked for in its own folder first, as for a script, and read from the source."""
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
        sys.dont_write_bytecode = writes


def load_file(path: Path, what: str = "Strategy") -> ModuleType:
    """Import a user's file; the module is known by the hash of its sources, so an edit is a new module."""
    folder = f"triplane_user_{source_hash(path)[:12]}"
    name = f"{folder}.{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    _forget_helpers(path)
    package = sys.modules[folder] = ModuleType(folder)
    package.__path__ = [str(path.parent)]
    linecache.checkcache(str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=_FromSource(name, str(path)))
    if spec is None or spec.loader is None:
        raise BadInput(f"{what} file {path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _beside(path):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the user's code may raise anything; they need to know where
        del sys.modules[name]
        raise TriplaneError(f"{what} file {path} cannot be loaded: {type(error).__name__}: {error}") from error
    return module


def folders() -> list[Path]:
    """The folders that are searched for users' strategies."""
    listed = [Path(p) for p in os.environ.get("TRIPLANE_STRATEGIES", "").split(os.pathsep) if p]
    return [p for p in [*listed, Path("strategies")] if p.is_dir()]


def files() -> dict[str, Path]:
    """Names and files of the users' strategies (the name is the file's)."""
    found: dict[str, Path] = {}
    for folder in folders():
        for path in sorted(folder.glob("*.py")):
            if not path.name.startswith("_") and path.is_file():
                found.setdefault(path.stem, path.resolve())
    return found


@lru_cache
def packaged(group: str = "triplane.strategies") -> dict[str, EntryPoint]:
    """Names and entry points of what installed packages offer in a group."""
    return {point.name: point for point in entry_points(group=group)}


def _import(module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:  # another package's code may raise anything
        raise TriplaneError(f"Module {module} cannot be loaded: {type(error).__name__}: {error}") from error


Place = tuple[Path, str, str]
"""File, module (empty: the file is loaded by its path) and attribute of a part."""


def _given(name: str, what: str, offered: dict[str, EntryPoint]) -> Place | None:
    """Where a name leads that is the path of a file, or that a package offers."""
    attribute = what.upper()
    if name.endswith(".py"):
        if not Path(name).is_file():
            raise BadInput(f"{what} file {name} does not exist.")
        return Path(name).resolve(), "", attribute
    if (point := offered.get(name)) is not None:
        return Path(str(_import(point.module).__file__)), point.module, point.attr or attribute
    return None


def _locate(name: str) -> Place:
    if name in BUILT_IN:
        return Path(__file__).with_name(f"{name}.py"), f"triplane.strategies.{name}", "STRATEGY"
    if (place := _given(name, "Strategy", packaged())) is not None:
        return place
    found = files()
    if name in found:
        return found[name], "", "STRATEGY"
    allowed = ", ".join(names())
    raise BadInput(f"Unknown strategy {name}; there are: {allowed}. (A file of your own: give its path.)")


def find_part(name: str, kind: type, taken: Collection[str], *, subclass: bool = False) -> Any:
    """The detector or guard of a file (``….py``) that defines ``DETECTOR`` or ``GUARD``, or of an installed package.

    Packages offer them in the groups ``triplane.detectors`` and ``triplane.guards``.

    Parameters
    ----------
    kind
        What it must be, or with ``subclass`` a subclass of.
    taken
        Names that are Triplane's own.

    Raises
    ------
    BadInput
        There is none, it is something else, or it has no name of its own.
    TriplaneError
        Its code cannot be loaded.
    """
    what = kind.__name__
    offered = packaged(f"triplane.{what.lower()}s")
    place = _given(name, what, offered)
    if place is None:
        known = ", ".join(offered) or "none"
        raise BadInput(f"Unknown {what.lower()} {name}; installed: {known}. (A file of your own: give its path.)")
    path, module, attribute = place
    found: Any = getattr(_import(module) if module else load_file(path, what), attribute, None)
    if not (isinstance(found, type) and issubclass(found, kind) if subclass else isinstance(found, kind)):
        raise BadInput(f"{what} file {path} must define {attribute} as a {'subclass of ' if subclass else ''}{what}.")
    if not found.name or found.name in taken:
        raise BadInput(f"{what} file {path}: name is {found.name!r}; it must be one that Triplane does not use itself.")
    return found


def source_of(name: str) -> Path:
    """The file that defines strategy ``name``."""
    return _locate(name)[0]


def is_file(name: str) -> bool:
    """Whether strategy ``name`` is a user's own file, neither built in nor installed."""
    return not _locate(name)[1]


def find(name: str) -> AnyStrategy:
    """Return the strategy called ``name``, or raise :class:`BadInput`."""
    path, module, attribute = _locate(name)
    strategy = getattr(_import(module) if module else load_file(path), attribute, None)
    if not isinstance(strategy, Strategy) and not (isinstance(strategy, type) and issubclass(strategy, PythonStrategy)):
        raise BadInput(f"Strategy file {path} must define {attribute} as a Strategy or a subclass of PythonStrategy.")
    called, frame = getattr(strategy, "name", None), strategy.timeframe
    if not isinstance(called, str) or not called:
        raise BadInput(f"Strategy file {path}: name is {called!r}; it must be a text, such as {path.stem!r}.")
    if not isinstance(frame, str):
        raise BadInput(f"Strategy file {path}: timeframe is {frame!r}; it must be a text, such as '15m'.")
    if isinstance(strategy, type) and strategy.on_bar is PythonStrategy.on_bar:
        close = next(iter(get_close_matches("on_bar", vars(strategy), n=1)), "")
        meant = f" ({close} is never called)" if close else ""
        raise BadInput(f"Strategy file {path}: {strategy.__name__} must define on_bar(self, bar, view){meant}.")
    return strategy


def name_of(strategy: AnyStrategy, source: Path) -> str:
    """What :func:`find` finds this strategy by in any process: its name, or the path of its file."""
    fixed = strategy.name in BUILT_IN or strategy.name in packaged()
    return strategy.name if fixed and source_of(strategy.name) == source else str(source)


def names() -> list[str]:
    """All strategies that can be found by name; a file that does not speak of ``STRATEGY`` helps another."""
    own = [name for name, path in files().items() if _SPEAKS.search(path.read_bytes())]
    return list(dict.fromkeys([*BUILT_IN, *packaged(), *own]))
