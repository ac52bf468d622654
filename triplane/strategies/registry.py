"""Finding strategies by name: the built-in ones, and every ``*.py`` file in the user's strategy folders.

A user's strategy is one file that defines ``STRATEGY``. Folders are searched in this order: those given, then
``TRIPLANE_STRATEGIES`` (separated like ``PATH``), then ``./strategies``. A path to a ``.py`` file is taken as it is.
"""

import hashlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from triplane.errors import BadInput, TriplaneError
from triplane.strategies.base import AnyStrategy, PythonStrategy, Strategy

BUILT_IN = ("ema_cross", "ict_blocks", "retest_analyzer", "smc_heuristic", "regime_trend", "confluence")


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_file(path: Path) -> ModuleType:
    """Import a strategy file; the module is known by the hash of its content, so an edit is a new module."""
    name = f"triplane_user_{path.stem}_{file_hash(path)[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"Strategy file {path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the user's code may raise anything; they need to know where
        del sys.modules[name]
        raise TriplaneError(f"Strategy file {path} cannot be loaded: {type(error).__name__}: {error}") from error
    return module


def folders(given: list[Path] | None = None) -> list[Path]:
    """The folders that are searched for users' strategies."""
    listed = [Path(p) for p in os.environ.get("TRIPLANE_STRATEGIES", "").split(os.pathsep) if p]
    return [p for p in [*(given or []), *listed, Path("strategies")] if p.is_dir()]


def files(given: list[Path] | None = None) -> dict[str, Path]:
    """Names and files of the users' strategies (the name is the file's)."""
    found: dict[str, Path] = {}
    for folder in folders(given):
        for path in sorted(folder.glob("*.py")):
            if not path.name.startswith("_") and path.is_file():
                found.setdefault(path.stem, path.resolve())
    return found


def source_of(name: str, given: list[Path] | None = None) -> Path:
    """The file that defines strategy ``name``."""
    if name.endswith(".py"):
        path = Path(name)
        if not path.is_file():
            raise BadInput(f"Strategy file {name} does not exist.")
        return path.resolve()
    if name in BUILT_IN:
        return Path(__file__).with_name(f"{name}.py")
    found = files(given)
    if name not in found:
        allowed = ", ".join([*BUILT_IN, *found])
        raise BadInput(f"Unknown strategy {name}; there are: {allowed}. (A file of your own: give its path.)")
    return found[name]


def find(name: str, given: list[Path] | None = None) -> AnyStrategy:
    """Return the strategy called ``name``, or raise :class:`BadInput`."""
    path = source_of(name, given)
    if path.parent == Path(__file__).parent:
        module = importlib.import_module(f"triplane.strategies.{path.stem}")
    else:
        module = load_file(path)
    strategy = getattr(module, "STRATEGY", None)
    if isinstance(strategy, Strategy) or (isinstance(strategy, type) and issubclass(strategy, PythonStrategy)):
        return strategy
    raise BadInput(f"Strategy file {path} must define STRATEGY as a Strategy or a subclass of PythonStrategy.")


def names(given: list[Path] | None = None) -> list[str]:
    """All strategies that can be found by name."""
    return [*BUILT_IN, *(n for n in files(given) if n not in BUILT_IN)]
