"""Is a strategy safe to run compiled? It runs over a few generated candles twice, and both must say the same.

Compiled code checks no index: a write past the end of an array changes whatever lies there, without a word. So the
strategy runs first as ordinary Python, where NumPy refuses such an index, and then compiled. Each run is a process of
its own, which may end in any way, or never. (The functions of a user's own files check their indices always, see
``kernel.jit``; here it is said before anything is traded.)
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numba.core import config

from triplane.data.candles import utc
from triplane.errors import BadInput, TriplaneError
from triplane.kernel.codes import Check, Leg, RowKind
from triplane.kernel.rows import OUTPUT, of_kind
from triplane.research.problems import Problem, standstill
from triplane.strategies.base import Strategy
from triplane.strategies.drivers import cache_folder, kernel_hash
from triplane.strategies.registry import find, is_file, source_of
from triplane.strategies.sources import source_hash, sources

Array = np.ndarray[Any, Any]
PATIENCE = 60.0
"""Seconds without a bar after which ordinary Python is taken to be endless."""
LONGEST: Final = 900.0
"""Seconds in which a strategy is compiled and has run."""
NEAR: Final = 1e-9
"""Numbers nearer than this part of themselves differ in their last digits only."""
_OTHERWISE: Final = (
    "whole numbers above 2^63, and NaN as a whole number, are other things in compiled code; "
    "and a strategy must be deterministic."
)
_RANDOM: Final = "a strategy must be deterministic: no chance without a seed, no clock, nothing from outside."
_ENDLESS: Final = "a loop that does not end?"
_LEGITIMATE: Final = ("ZeroDivisionError", "ValueError: math domain error")
"""What ordinary Python refuses and compiled code, like NumPy, does not."""
_LAST_DIGITS: Final = (
    "Some numbers differ in their last digits without the compiler. Logarithms, exponentials and sums of NumPy do, and "
    "from one processor to the next; triplane.kernel.maths has log and exp that do not."
)


@dataclass(frozen=True)
class Checked:
    """What a check found: a problem or none, a remark or none, how many rows were compared, and what came out."""

    problem: Problem | None
    note: str = ""
    rows: int = 0
    outcome: str = ""


def check(name: str, params: Mapping[str, object] | None = None) -> Checked:
    """Run a strategy without the compiler and with it, and compare what the core says.

    Raises
    ------
    BadInput
        There is no such strategy, or a parameter is not allowed.
    """
    source = source_of(name)
    found, note = [], ""
    with tempfile.TemporaryDirectory() as folder:
        for compiled in (False, True):
            out = Path(folder) / f"{int(compiled)}.npy"
            problem = _trial(name, params or {}, source, out, compiled)
            if problem is None:
                found.append(np.load(out).view(OUTPUT))
            elif not compiled and problem.what.startswith(_LEGITIMATE):
                note = f"Checked as far as here, where compiled code goes on with inf or NaN:\n{problem}"
            else:
                return Checked(problem)
    outcome = _outcome(found[-1])
    if note:
        return Checked(None, note, len(found[-1]), outcome)
    return replace(_compared(source, *found, compiled=isinstance(find(name), Strategy)), outcome=outcome)


def _trial(name: str, params: Mapping[str, object], source: Path, out: Path, compiled: bool) -> Problem | None:
    """Run it once; returns what went wrong."""
    command = [sys.executable, "-W", "ignore", "-m", "triplane.research.trial", name, json.dumps(params, default=str),
               str(out), str(PATIENCE)]  # fmt: skip
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "0" if compiled else "1"}
    how = "compiled" if compiled else "without the compiler"
    try:
        done = subprocess.run(  # noqa: S603 - ours
            command, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        return Problem(str(source), 0, "", f"It did not come to an end in {LONGEST:g} seconds, {how}.", _ENDLESS)
    told = out.with_suffix(".json")
    if told.exists():
        found = json.loads(told.read_text(encoding="utf-8"))
        if "refused" in found:
            raise BadInput(found["refused"])
        return Problem(**found)
    stood = out.with_suffix(".txt").read_text(encoding="utf-8") if out.with_suffix(".txt").exists() else ""
    if stood:
        return standstill(stood, sources(source), f"Nothing has come of it for {PATIENCE:g} seconds.", _ENDLESS)
    if done.returncode == 0 and out.exists():
        return None
    last = next(iter(reversed(done.stderr.strip().splitlines())), "")
    return Problem(str(source), 0, "", f"It ended its own process, {how} (exit code {done.returncode}). {last}".strip())


def _outcome(rows: Array) -> str:
    """What the strategy asked for, and what became of it."""
    signals, refused, placed = (of_kind(rows, kind) for kind in (RowKind.SIGNAL, RowKind.REJECT, RowKind.PLACE))
    asked = len(np.unique(signals["decision"][signals["closing"] == 0]))
    orders = int((placed["leg"] == Leg.ENTRY).sum())
    why = Counter(Check(int(check)).label for check in refused["check"]).most_common(1)
    most = f" ({'all' if why[0][1] == len(refused) else 'most'}: {why[0][0]})" if why else ""
    return f"{asked} signals, {len(refused)} of them refused{most}, {orders} orders"


def _compared(source: Path, first: Array, second: Array, *, compiled: bool = True) -> Checked:
    """The first row that is another, if any; of a strategy that is not compiled, in the second of two equal runs."""
    if first.tobytes() == second.tobytes():
        return Checked(None, rows=len(first))
    count = min(len(first), len(second))
    differs = np.zeros(count, bool)
    for name in OUTPUT.names or ():
        far = ~np.isclose(first[name][:count], second[name][:count], rtol=NEAR, atol=0.0, equal_nan=True)
        differs |= far if far.ndim == 1 else far.any(axis=1)
    if compiled and len(first) == len(second) and not differs.any():
        return Checked(None, _LAST_DIGITS, count)
    at = int(differs.argmax()) if differs.any() else min(count, max(len(first), len(second)) - 1)
    row = (first if len(first) > at else second)[at]
    how = "Compiled it decides otherwise than without the compiler" if compiled else "Run twice, it decides otherwise"
    what = f"{how}: first at {utc(int(row['time']))}, in a row of {RowKind(int(row['kind'])).label}."
    return Checked(Problem(str(source), 0, "", what, _OTHERWISE if compiled else _RANDOM), rows=count)


def check_once(
    name: str, params: Mapping[str, object] | None = None, progress: Callable[[str], None] | None = None
) -> None:
    """Check a user's file when it runs for the first time with these parameters since it was changed.

    Raises
    ------
    TriplaneError
        What is wrong with it.
    """
    if not is_file(name) or config.DISABLE_JIT:  # type: ignore[attr-defined]
        return
    given = json.dumps(params or {}, default=str, sort_keys=True)
    what = f"{source_hash(source_of(name))} {kernel_hash()} {given}"
    marker = cache_folder() / f"checked_{hashlib.sha256(what.encode()).hexdigest()[:16]}"
    if marker.exists():
        return
    if progress:
        progress(f"Checking {name}, which is new or has changed: without the compiler and with it …")
    found = check(name, params)
    if found.problem is not None:
        raise TriplaneError(str(found.problem))
    if progress and found.note:
        progress(found.note)
    marker.touch()
