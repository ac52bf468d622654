"""Compile a strategy together with the whole core into one step, and remember the machine code on disk.

For each strategy the driver (``driver.py``) is copied to a cache folder, with the import of its strategy, under a name
that holds a hash of all kernel and strategy sources. So Numba finds the compiled code again at the next start (a
jitted function passed as an *argument* is never found again), and a change in any source, which Numba itself would not
notice in another file, is a new driver.

The cache folder is ``NUMBA_CACHE_DIR`` when that is set, else one inside the package, else (read-only package) the
user's cache folder.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numba
import numpy as np
import platformdirs

from triplane.errors import BadInput
from triplane.kernel.core import CORE
from triplane.kernel.inputs import COMMAND
from triplane.kernel.jit import record
from triplane.kernel.records import ACCOUNT, CANDLE
from triplane.kernel.rows import OUTBOX
from triplane.strategies.base import AnyStrategy, Number, Strategy, set_params
from triplane.strategies.registry import file_hash, find, source_of

Array = np.ndarray[Any, Any]
Progress = Callable[[str], None]
_OWN = str(Path(__file__).parent.parent / "strategies" / "python_core.py")


class InstrumentLike(Protocol):
    """Anything that knows itself as a ``records.INSTRUMENT`` record."""

    def to_record(self) -> Array:
        """One-element array of ``records.INSTRUMENT``."""
        ...


@lru_cache(maxsize=1)
def kernel_hash() -> str:
    """Hash of every kernel and built-in strategy source, and of the versions of compiler and Python."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256(f"{numba.__version__} {np.__version__} {sys.version_info[:2]}".encode())
    strategies = package / "strategies"
    for path in sorted([*(package / "kernel").rglob("*.py"), *strategies.glob("*.py"), *strategies.glob("*.json")]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


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
    candidates = [Path(chosen) / "triplane"] if chosen else [Path(__file__).parent.parent / "__pycache__" / "drivers"]
    candidates.append(Path(platformdirs.user_cache_dir("triplane")))
    candidates.append(Path(tempfile.gettempdir()) / "triplane-cache")
    for folder in candidates:
        if _writable(folder):
            return folder
    raise BadInput(f"No folder for compiled code can be written; set NUMBA_CACHE_DIR (tried {candidates[0]}).")


def _import_line(source: Path) -> str:
    """The statement that binds ``strategy`` in a driver."""
    if source.parent == Path(__file__).parent:
        return f"from triplane.strategies import {source.stem} as strategy\n"
    return (
        "from pathlib import Path\nfrom triplane.strategies.registry import load_file\n"
        f"strategy = load_file(Path({str(source)!r})).STRATEGY\n"
    )


def _driver(name: str, source: Path, pattern: Path | None = None) -> ModuleType:
    """Write the driver of the strategy in ``source`` (once) and import it."""
    lines = (pattern or Path(__file__).with_name("driver.py")).read_text().splitlines(keepends=True)
    text = "".join(_import_line(source) if line.rstrip().endswith("# STRATEGY") else line for line in lines)
    digest = hashlib.sha256(f"{kernel_hash()} {file_hash(source)} {text}".encode()).hexdigest()[:16]
    module_name = f"triplane_driver_{name}_{digest}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    path = cache_folder() / f"{name}_{digest}.py"
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            file.write(text)
        Path(file.name).replace(path)
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"Driver {path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return module


def _cached(module: ModuleType, functions: int) -> bool:
    """Whether the machine code of all its functions lies in the cache already."""
    path = Path(str(module.__file__))
    return len(list((path.parent / "__pycache__").glob(f"{path.stem}.*.nbi"))) >= functions


def compiled_halves(progress: Progress | None = None) -> ModuleType:
    """The driver functions around a strategy in plain Python (``halves.py``), compiled or from the cache."""
    module = _driver("halves", Path(__file__).with_name("halves.py"), Path(__file__).with_name("halves.py"))
    if progress and not _cached(module, 5):
        progress("Compiling the core for the first time …")
    module.warm()
    return module


def compiled_features(progress: Progress | None = None) -> ModuleType:
    """The indicators of a session (``features_driver.py``), compiled or from the cache."""
    path = Path(__file__).with_name("features_driver.py")
    module = _driver("features", path, path)
    if progress and not _cached(module, 2):
        progress("Compiling the indicators for the first time …")
    module.warm()
    return module


@dataclass(frozen=True, slots=True)
class Failure:
    """What a strategy raised, in a sentence, and its line as ``file:line: source`` (empty when it is not known)."""

    text: str
    line: str = ""

    @classmethod
    def of(cls, strategy: str, bar: int, error: BaseException) -> "Failure":
        """Describe an error; the line is the innermost one of the user's own code."""
        frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(_OWN)]
        last = next((f for f in reversed(frames) if "site-packages" not in f.filename), None)
        line = f"{Path(last.filename).name}:{last.lineno}: {last.line}" if last is not None else ""
        return cls(f"Strategy {strategy} failed on bar {bar}: {type(error).__name__}: {error}", line)


class Core:
    """A strategy compiled with the core; see ``driver.py`` for the meaning of the arguments."""

    def __init__(self, strategy: AnyStrategy, state: "np.dtype[Any]", source_hash: str) -> None:
        self.strategy = strategy
        self.state_dtype = record([("core", CORE), ("strategy", state)])
        self.source_hash = source_hash
        self.failure: Failure | None = None
        """What the strategy raised on the last candle; it was taken to have said nothing."""

    def new(
        self,
        symbols: Sequence[InstrumentLike],
        *,
        costs: Array,
        limits: Array,
        params: Mapping[str, Number],
        base_ms: int,
        timeframe_ms: int,
        balance: float,
        hold: bool = False,
        external: bool = False,
        data: Mapping[str, Any] | None = None,
    ) -> tuple[Array, Array]:
        """Make the account and one state for each symbol.

        Parameters
        ----------
        symbols
            The instruments; their order gives the symbol indices.
        costs, limits
            One-element arrays of ``records.COSTS`` and ``records.LIMITS``.
        params
            Checked parameters of the strategy.
        base_ms, timeframe_ms
            Milliseconds of a base candle and of a decision bar.
        balance
            Quote currency to start with.
        hold
            Stay in BOOTSTRAP until the command ``READY``: history is being loaded.
        external
            A venue executes, and reports; otherwise the simulated broker does.
        data
            What the strategy's ``prepare`` may need, such as a fitted model under ``regime``.
        """
        account = np.zeros(1, ACCOUNT)
        for name in ("balance", "start_balance", "equity", "peak_equity", "day_equity"):
            account[name] = balance
        account["day"] = -1
        states = np.zeros(len(symbols), self.state_dtype)
        core = states["core"]
        core["symbol"] = np.arange(len(symbols))
        core["base_ms"] = base_ms
        core["timeframe_ms"] = timeframe_ms
        core["hold"] = hold
        core["external"] = external
        core["costs"] = costs[0]
        core["limits"] = limits[0]
        core["watch_low"] = -np.inf
        core["watch_high"] = np.inf
        core["watch_expiry"] = np.iinfo(np.int64).max
        for k, symbol in enumerate(symbols):
            core["instrument"][k] = symbol.to_record()[0]
        self._prepare(states, params, timeframe_ms, data or {})
        self._start(states, params)
        return account, states

    def _prepare(self, states: Array, params: Mapping[str, Number], timeframe_ms: int, data: Mapping[str, Any]) -> None:
        """Give the strategy its data before it starts."""
        if isinstance(self.strategy, Strategy) and self.strategy.prepare is not None:
            self.strategy.prepare(states["strategy"], params, timeframe_ms, data)

    def _start(self, states: Array, params: Mapping[str, Number]) -> None:
        raise NotImplementedError

    def on_candle(self, A: Array, S: Array, k: int, candles: Array, i: int, out: Array) -> None:
        """Take one closed base candle of symbol ``k`` through everything."""
        raise NotImplementedError

    def on_command(self, A: Array, S: Array, k: int, commands: Array, out: Array) -> None:
        """Carry out one command."""
        raise NotImplementedError

    def run(self, A: Array, S: Array, which: Array, candles: Array, out: Array, equity: Array, start: int) -> int:
        """Take candles through until the end or until ``out`` is nearly full; returns the next index."""
        raise NotImplementedError


class CompiledCore(Core):
    """The fast kind: everything in compiled functions."""

    def __init__(self, strategy: Strategy, source: Path) -> None:
        super().__init__(strategy, strategy.state, file_hash(source))
        self.warmup = strategy.warmup
        self.module = _driver(strategy.name, source)
        self.init = self.module.init
        # the compiled functions themselves, so that a call costs nothing more
        for name in ("on_candle", "on_command", "run"):
            setattr(self, name, getattr(self.module, name))

    def _start(self, states: Array, params: Mapping[str, Number]) -> None:
        set_params(states["strategy"], params)
        states["core"]["warmup"] = self.warmup(params)
        self.init(states)

    def warm(self, progress: Progress | None = None) -> float:
        """Compile every function, or load it from the cache; returns the seconds that it took."""
        begin = time.perf_counter()
        states = np.zeros(1, self.state_dtype)
        account = np.zeros(1, ACCOUNT)
        out = np.zeros(1, OUTBOX)
        candles = np.zeros(0, CANDLE)
        which = np.zeros(0, np.int64)
        states["core"]["base_ms"] = states["core"]["timeframe_ms"] = 60_000
        defaults = self.strategy.resolve({})
        self._prepare(states, defaults, 60_000, {})
        set_params(states["strategy"], defaults)
        first = not _cached(self.module, 4)
        steps: list[tuple[str, Callable[[], object]]] = [
            ("the state", lambda: self.init(states)),
            ("the decision", lambda: self.on_candle(account, states, 0, np.zeros(1, CANDLE), 0, out)),
            ("the commands", lambda: self.on_command(account, states, 0, np.zeros(1, COMMAND), out)),
            ("the backtest loop", lambda: self.run(account, states, which, candles, out, np.zeros(0), 0)),
        ]
        for number, (text, call) in enumerate(steps, 1):
            if progress and first:
                progress(f"Compiling {self.strategy.name} for the first time ({number}/{len(steps)}: {text}) …")
            call()
        return time.perf_counter() - begin


def _compile_apart(source: Path, progress: Progress | None) -> None:
    """Fill the cache from a process of its own: the 300 MB that a compiler needs would stay with a long session."""
    command = [sys.executable, "-m", "triplane.strategies.compiler", str(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own module
        for line in process.stdout or ():
            if progress:
                progress(line.rstrip())


def compile_strategy(
    strategy: AnyStrategy, source: Path, progress: Progress | None = None, *, apart: bool = False
) -> Core:
    """Make a strategy ready to run.

    Parameters
    ----------
    strategy, source
        As found by ``registry.find`` and ``registry.source_of``.
    progress
        Called with a sentence while something is compiled for the first time.
    apart
        Compile in a process of its own, so that this one stays small.
    """
    if isinstance(strategy, Strategy):
        core = CompiledCore(strategy, source)
        if apart and not getattr(numba.config, "DISABLE_JIT", 0) and not _cached(core.module, 4):
            _compile_apart(source, progress)
        core.warm(progress)
        return core
    from triplane.strategies.python_core import PythonCore  # noqa: PLC0415 - it needs Core

    return PythonCore(strategy, source, progress)


if __name__ == "__main__":
    compile_strategy(find(sys.argv[1]), source_of(sys.argv[1]), lambda text: print(text, flush=True))
