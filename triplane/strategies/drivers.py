"""Drivers: modules in which a strategy is compiled together with the whole core, and where their machine code is kept.

For each strategy the pattern ``driver.py`` is copied, with the import of its strategy, to a file whose name holds a
hash of all kernel and strategy sources. So the compiled code is found again at the next start (a jitted function passed
as an *argument* is never found again), and a change in any source, which Numba itself would not notice in another file,
is a new driver. Code lies beside its driver: in ``triplane/compiled``, which comes with an installed wheel (``make
wheel``), else in the cache folder. That is ``NUMBA_CACHE_DIR`` when it is set, else one inside the package, else
(read-only package) the user's cache folder.
"""

import hashlib
import importlib
import importlib.util
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import numba
import numpy as np
import platformdirs
from numba.core import config

from triplane.errors import BadInput
from triplane.strategies.base import AnyStrategy, Strategy
from triplane.strategies.registry import BUILT_IN, name_of, packaged, source_of
from triplane.strategies.sources import source_hash

Progress = Callable[[str], None]

HERE = Path(__file__).parent
SHIPPED = HERE.parent / "compiled"
AROUND = {"halves": ("halves.py", "the core"), "features": ("features_driver.py", "the indicators")}
"""What is compiled once for all strategies."""


@lru_cache(maxsize=1)
def _sources() -> str:
    """Hash of every kernel and built-in strategy source."""
    digest = hashlib.sha256()
    for path in sorted([*(HERE.parent / "kernel").rglob("*.py"), *HERE.glob("*.py"), *HERE.glob("*.json")]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def kernel_hash() -> str:
    """Hash of everything that decides but the strategy: sources, and the versions of compiler and Python."""
    versions = f"{numba.__version__} {np.__version__} {sys.version_info[:2]} {_sources()}"
    return hashlib.sha256(versions.encode()).hexdigest()


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def cache_folder() -> Path:
    """Where compiled strategies are kept."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    candidates = [Path(chosen) / "triplane"] if chosen else [HERE.parent / "__pycache__" / "drivers"]
    candidates.append(Path(platformdirs.user_cache_dir("triplane")))
    candidates.append(Path(tempfile.gettempdir()) / "triplane-cache")
    for folder in candidates:
        if _writable(folder):
            return folder
    raise BadInput(f"No folder for compiled code can be written; set NUMBA_CACHE_DIR (tried {candidates[0]}).")


def _file(stem: str, text: str) -> Path:
    """The driver of this name: the one that was shipped, else the one in the cache folder, written now if need be."""
    shipped = SHIPPED / f"{stem}.py"
    if shipped.exists():
        return shipped
    path = cache_folder() / f"{stem}.py"
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            file.write(text)
        Path(file.name).replace(path)
    return path


def _spare_scipy() -> None:
    """Let Numba take SciPy's linear algebra for granted where SciPy is.

    Before the first function it loads them only to see whether they are there, which costs every process a quarter of a
    second and 20 MB. For a ``np.dot`` that is compiled it loads them in earnest.
    """
    asked = "scipy.linalg.cython_blas"
    if "numba.np.arraymath" in sys.modules or asked in sys.modules or importlib.util.find_spec("scipy") is None:
        return
    sys.modules[asked] = ModuleType(asked)
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        del sys.modules[asked]


def driver(name: str, source: Path, imports: str = "", pattern: Path | None = None, hashes: str = "") -> ModuleType:
    """Import the driver ``name`` of what is in ``source``.

    Parameters
    ----------
    imports
        The statement that takes the place of the pattern's line marked ``# STRATEGY``.
    pattern
        The file to copy; by default ``source`` itself.
    hashes
        Of further sources.
    """
    lines = (pattern or source).read_text().splitlines(keepends=True)
    text = "".join(imports if line.rstrip().endswith("# STRATEGY") else line for line in lines)
    made_for = f"{numba.__version__} {importlib.util.MAGIC_NUMBER.hex()} {sys.platform} {platform.machine()}"
    digest = hashlib.sha256(f"{made_for} {_sources()} {source_hash(source)}{hashes} {text}".encode()).hexdigest()[:16]
    module_name = f"triplane_driver_{name}_{digest}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    path = _file(f"{name}_{digest}", text)
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"Driver {path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    _spare_scipy()
    spec.loader.exec_module(module)
    return module


def _to_find(strategy: AnyStrategy, source: Path) -> tuple[AnyStrategy, Path, str]:
    """What has the compiled code of a strategy, and how a driver finds it; a preset's base, where that is built in."""
    base = getattr(strategy, "base", None)
    if base is not None and base.name in BUILT_IN:
        strategy, source = base, source_of(base.name)
    name = name_of(strategy, source)
    point = None if name in BUILT_IN else packaged().get(name)  # which asks every installed package
    version = point.dist.version if point is not None and point.dist is not None else ""
    return strategy, source, f"find({name!r})  # {version}"


def strategy_driver(parts: Sequence[tuple[Strategy, Path]]) -> ModuleType:
    """The driver of compiled strategies: of one, or of several that a session runs beside each other."""
    found = [_to_find(*one) for one in parts]
    if len(found) == 1:
        strategy, source, how = found[0]
        return driver(strategy.name, source, f"strategy = {how}\n", HERE / "driver.py")
    hashes = " ".join(source_hash(source) for _, source, _ in found)
    return driver("portfolio", found[0][1], _dispatch(found), HERE / "driver.py", hashes)


def _dispatch(found: Sequence[tuple[AnyStrategy, Path, str]]) -> str:
    """A strategy made of several: the state says which one it is (``PARTS``)."""
    others = any(strategy.others for strategy, _, _ in found)
    lines = [f"strategy_{i} = {how}" for i, (_, _, how) in enumerate(found)]
    lines += [f"{name}_{i} = strategy_{i}.{name}" for i in range(len(found)) for name in ("init", "step")]
    for name, more in (("init", ""), ("step", ", bar, view, signal")):
        lines += ["", "", "@njit", f"def {name}(s{more}{', others' if others and more else ''}):"]
        for i, (strategy, _, _) in enumerate(found):
            given = more + (", others" if strategy.others and more else "")
            lines += [f"    {'elif' if i else 'if'} s.part == {i}:", f"        {name}_{i}(s.s{i}{given})"]
    made = f"SimpleNamespace(init=init, step=step, others={others})"
    return "\n".join(["from types import SimpleNamespace", "", *lines, "", "", f"strategy = {made}", ""])


def is_cached(module: ModuleType) -> bool:
    """Whether there is nothing to compile: the machine code of all functions of a driver lies beside it."""
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        return True
    path = Path(str(module.__file__))
    wanted = path.read_text().count("\n@entry\n")
    return len(list(path.parent.glob(f"{path.stem}.*.nbi"))) >= wanted


def around_is_cached(name: str) -> bool:
    """Whether something around all strategies needs no compiler."""
    return is_cached(driver(name, HERE / AROUND[name][0]))


def ready(name: str, source: Path, what: str, progress: Progress | None = None) -> ModuleType:
    """A driver that warms itself (``warm()``), compiled or from the cache."""
    module = driver(name, source)
    if progress and not is_cached(module):
        progress(f"Compiling {what} for the first time …")
    module.warm()
    return module


def compile_around(name: str, progress: Progress | None = None) -> ModuleType:
    """Make ready what is around all strategies."""
    file, what = AROUND[name]
    return ready(name, HERE / file, what, progress)


def compiled_halves(progress: Progress | None = None) -> ModuleType:
    """The functions around a strategy in plain Python."""
    return compile_around("halves", progress)


def compiled_features(progress: Progress | None = None) -> ModuleType:
    """The indicators of a session."""
    return compile_around("features", progress)
