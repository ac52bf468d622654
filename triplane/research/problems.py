"""What is wrong with a user's code, for people: file, line, the line itself, what is wrong, and a hint.

A compiler's own report of a typo is some hundreds of lines, most of them about other files.
"""

import ast
import builtins
import linecache
import re
import traceback
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import FrameType
from typing import Final

_COMPILER: Final = (
    "the compiler knows a part of Python: numbers, records, arrays, tuples, functions marked with @njit. "
    "A PythonStrategy may use all of it."
)
_PREAMBLE: Final = "Failed in nopython mode pipeline (step: nopython frontend)"
_COLOURS: Final = re.compile(r"\x1b\[\d*m")
_PLACE: Final = re.compile(r'(?:File "|\bat )([^"\n]+?)(?:", line | \()(\d+)')
_BOUNDS: Final = re.compile(r"index (-?\d+) is out of bounds for axis \d+ with size (\d+)")
_PLAIN: Final = re.compile(r"Untyped global name '(\w+)':?[^\n]*<class 'function'>")
_LONGEST: Final = 200


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong; ``line`` is 0 where no line is known."""

    file: str
    line: int
    source: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}:\n    {self.source}\n" if self.line else f"{self.file}:\n"
        return place + self.what + (f"\nHint: {self.hint}" if self.hint else "")


Step = tuple[FrameType, traceback.FrameSummary]


def problem_of(error: BaseException, files: Sequence[Path]) -> Problem:
    """Describe an error that the code in ``files``, the strategy's own first, raised or could not be compiled for."""
    while error.__cause__ is not None:
        error = error.__cause__
    own = {str(path) for path in files}
    if isinstance(error, SyntaxError) and error.filename in own:
        return Problem(str(error.filename), error.lineno or 0, (error.text or "").strip(), f"Not Python: {error.msg}.")
    tree = error.__traceback__
    frames = [frame for frame, _ in traceback.walk_tb(tree)]
    steps = list(zip(frames, traceback.extract_tb(tree), strict=True))
    mine = [step for step in steps if step[1].filename in own]
    ends_in_numba = bool(steps) and "numba" in Path(steps[-1][1].filename).parts
    if ends_in_numba or type(error).__module__.startswith("numba."):
        return _uncompiled(error, steps, files)
    what, hint = _explained(error, steps)
    if not mine:
        return Problem(str(files[0]), 0, "", what, hint)
    last = mine[-1][1]
    return Problem(last.filename, last.lineno or 0, last.line or "", what, hint)


def standstill(told: str, files: Sequence[Path], what: str, hint: str) -> Problem:
    """Describe where in ``files`` a process stood still, by what Python told of it, the innermost place first."""
    own = {str(path) for path in files}
    places = [(file, int(line)) for file, line in _PLACE.findall(told) if file in own]
    file, line = places[0] if places else (str(files[0]), 0)
    return Problem(file, line, linecache.getline(file, line).strip(), what, hint)


def _explained(error: BaseException, steps: Sequence[Step]) -> tuple[str, str]:
    """What is wrong, and a hint."""
    text = next(iter(str(error).splitlines()), "")
    outside = _BOUNDS.match(text)
    if isinstance(error, IndexError) and outside and steps:
        index, size = outside.groups()
        places = f"has {size} place{'' if size == '1' else 's'}"
        last = f"the first is 0 and the last {int(size) - 1}." if int(size) else ""
        return f"Index {index} of {_owner(steps[-1][1])}, which {places}.", last
    if isinstance(error, AttributeError) and steps:
        inner = steps[-1][0].f_locals
        fields = getattr(getattr(inner.get("self"), "dtype", None), "names", None)
        attribute = inner.get("attr")
        if fields and isinstance(attribute, str):
            frame = next((step for step in reversed(steps) if "numpy" not in Path(step[1].filename).parts), steps[-1])
            what = f"{_owner(frame[1])} has no field {attribute}; it has: {', '.join(fields)}."
            return what, _meant(attribute, fields)
    if isinstance(error, NameError) and steps:
        frame_ = steps[-1][0]
        known = {**vars(builtins), **frame_.f_globals, **frame_.f_locals}
        return f"{text[:1].upper()}{text[1:]}.", _meant(str(error.name), known)
    if type(error).__module__.startswith("triplane."):
        return text, ""
    return f"{type(error).__name__}: {text}", ""


def _meant(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else ""


def _owner(step: traceback.FrameSummary) -> str:
    """What an index or an attribute was asked of, as it is written: ``signal.seen`` of ``signal.seen[9]``."""
    line = linecache.getline(step.filename, step.lineno or 0).encode()
    part = line[step.colno or 0 : step.end_colno].decode(errors="replace").strip()
    try:
        node = ast.parse(part, mode="eval").body
    except SyntaxError:
        return "an array"
    return ast.unparse(node.value) if isinstance(node, ast.Subscript | ast.Attribute) else part or "an array"


def _uncompiled(error: BaseException, steps: Sequence[Step], files: Sequence[Path]) -> Problem:
    """Describe what the compiler could not compile. It tells the innermost place first."""
    own = {path.resolve(): path for path in files}
    text = _COLOURS.sub("", str(error))
    told = (line.replace(_PREAMBLE, "").strip() for line in text.splitlines())
    what = next((line for line in told if line), type(error).__name__)
    places = [(Path(file).resolve(), int(line)) for file, line in _PLACE.findall(text)]
    for frame, _ in reversed(steps):  # an error of the compiler itself does not tell, but it knows where it is
        loc = getattr(frame.f_locals.get("self"), "loc", None)
        if loc is not None and isinstance(getattr(loc, "filename", None), str):
            places.append((Path(loc.filename).resolve(), int(loc.line)))
    file, line = next(((own[path], number) for path, number in places if path in own), (files[0], 0))
    plain = _PLAIN.search(text)
    hint = f"put @njit before the function {plain[1]}." if plain else _COMPILER
    what = f"Cannot be compiled: {what[:_LONGEST]}"
    return Problem(str(file), line, linecache.getline(str(file), line).strip(), what, hint)
