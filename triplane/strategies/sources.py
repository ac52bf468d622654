"""What the code of a strategy is made of: its file, and every module of the user's that it imports, directly or not.

Compiled code is kept, records and journals name what decided, and a file is loaded again, all by one hash. A hash of
the file alone would miss a change in a helper beside it, or in the built-in strategy that a preset is made of.
Installed packages are left out: they change with their version, not under the user's hands.
"""

import ast
import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, Final

_INSTALLED: Final = {"site-packages", "dist-packages"}
_NEVER: Final = sys.stdlib_module_names | {"triplane"}  # Triplane's own sources are hashed beside (``drivers.py``)

FOLDER: Final = Path(__file__).parent
_STRATEGY: Final = re.compile(rb"^STRATEGY\b", re.MULTILINE)


def sources(path: Path) -> list[Path]:
    """The file itself first, then the files of the user's that importing it runs."""
    found = [path]
    for file in found:  # which grows meanwhile
        for level, name in _imports(file.read_bytes()):
            found += [other for other in _files(file, level, name, path.parent) if other not in found]
    return found


def source_hash(path: Path) -> str:
    """SHA-256 over the bytes of :func:`sources` and of the built-in strategies that they import, hexadecimal; of a file
    without either that of the file.
    """
    digest, own = hashlib.sha256(path.read_bytes()), sources(path)
    found = [*own]
    for file in found:  # which grows meanwhile
        found += [other for other in _strategies(file) if other not in found]
    for other in (*sorted(own[1:]), *sorted(found[len(own) :])):  # wherever Triplane lies
        digest.update(other.name.encode() + b"\0" + other.read_bytes())
    return digest.hexdigest()


def joint_hash(parts: Sequence[tuple[Any, Path]]) -> str:
    """What several strategies are made of, given with their files; of one that is its :func:`source_hash`."""
    hashes = [source_hash(path) for _, path in parts]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256(" ".join(hashes).encode()).hexdigest()


def _strategies(file: Path) -> list[Path]:
    """The built-in strategies that a file imports."""
    parts = [name.split(".") for level, name in _imports(file.read_bytes()) if level == 0]
    found = {FOLDER / f"{name[2]}.py" for name in parts if name[:2] == ["triplane", "strategies"] and len(name) > 2}
    return [path for path in found if path.is_file() and _STRATEGY.search(path.read_bytes())]


@lru_cache(maxsize=256)
def _imports(code: bytes) -> tuple[tuple[int, str], ...]:
    """What a file imports: dots in front, and the dotted name. ``from a import b`` may mean the module ``a.b``."""
    found: list[tuple[int, str]] = []
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):  # whoever loads it says so
        return ()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [".".join(part for part in (node.module, alias.name) if part) for alias in node.names]
            found += [(node.level, name) for name in names]
    return tuple(found)


def _files(file: Path, level: int, name: str, beside: Path) -> list[Path]:
    """The files that an import in ``file`` runs; ``beside`` is the folder that is searched first."""
    places = [file.parents[level - 1]] if level else _places(name.partition(".")[0], beside)
    found = [place / "__init__.py" for place in places if level]
    for part in name.split("."):
        found += [place / f"{part}.py" for place in places]
        places = [place / part for place in places]
        found += [place / "__init__.py" for place in places]
    return [path for path in found if path.is_file()]


def _places(top: str, beside: Path) -> Iterable[Path]:
    """The folders in which a module or package lies; none when it is installed, or Python's or Triplane's own."""
    if top in _NEVER:
        return []
    try:
        spec = PathFinder.find_spec(top, [str(beside)]) or importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    lies = [Path(place) for place in spec.submodule_search_locations or ([spec.origin] if spec.origin else [])]
    return [place.parent for place in lies if not _INSTALLED & set(place.parts)]
