"""Detectors of a user's own: compiled steps over flat records like those of ``kernel/patterns``, each with a frame.

A strategy uses one by importing it: its state is a field of the strategy's state, its step a call. What is here lets
``triplane analyze`` run one by name over recorded candles. A file defines ``DETECTOR``; a package offers detectors as
entry points of the group ``triplane.detectors``.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from triplane.errors import BadInput, TriplaneError
from triplane.kernel.jit import Arr, njit
from triplane.strategies.registry import find_part

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Detector:
    """A detector.

    Parameters
    ----------
    name, text
        How it is called, and what it finds in a sentence.
    state, row
        Record dtypes: what it remembers, and what it says of one bar (numbers; each is a column of its frame).
    init
        ``init(s)``: compiled; prepares a zeroed state.
    step
        ``step(s, bar, row)``: compiled; called once for each closed bar, in order, with a zeroed row. It sees nothing
        later than this bar.
    """

    name: str
    text: str
    state: "np.dtype[Any]"
    row: "np.dtype[Any]"
    init: Callable[..., None]
    step: Callable[..., None]

    def __post_init__(self) -> None:
        """Refuse rows that cannot be columns beside the time."""
        fields: Any = self.row.fields or {}
        if not fields or "open_time" in fields or any(dtype.shape or dtype.names for dtype, _ in fields.values()):
            raise BadInput(
                f"Detector {self.name}: the fields of row must be numbers, and none may be called open_time."
            )

    def rows(self, bars: Array) -> Array:
        """What it says of each of the closed bars, array of ``row``."""
        said = np.zeros(len(bars), self.row)
        try:
            _loop(self.init, self.step)(np.zeros(1, self.state), bars, said)
        except Exception as error:  # the user's code may raise anything, and the compiler too
            text = next(iter(str(error).strip().splitlines()), "")
            raise TriplaneError(f"Detector {self.name} failed: {type(error).__name__}: {text}") from error
        return said


@lru_cache
def _loop(init: Callable[..., None], step: Callable[..., None]) -> Callable[..., None]:
    @njit
    def run(S: Arr, bars: Arr, rows: Arr) -> None:
        init(S[0])
        for i in range(len(bars)):
            step(S[0], bars[i], rows[i])

    return run


def find_detectors(names: Collection[str], taken: Collection[str]) -> dict[str, Detector]:
    """The detectors of these files and installed names; raises BadInput for one whose name is ``taken``."""
    found = [find_part(name, Detector, taken) for name in names]
    return {detector.name: detector for detector in found}
