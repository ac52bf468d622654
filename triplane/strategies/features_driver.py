"""The indicators of every symbol of a session as one compiled call a bar, for the fact ``features.v1``.

Like ``driver.py`` it is copied to the cache folder before it is used, so that its compiled functions are found again.
"""

import numpy as np

from triplane.kernel.features import FEATURE_ROW, FEATURES, features_init, features_row, features_step
from triplane.kernel.jit import Arr, entry
from triplane.kernel.records import CANDLE


@entry
def init(S: Arr) -> None:
    """Prepare the indicators of all symbols."""
    for k in range(len(S)):
        features_init(S[k])


@entry
def step(S: Arr, k: int, bars: Arr, i: int, row: Arr) -> None:
    """Add ``bars[i]`` to the indicators of symbol ``k``, and write their values into ``row[0]``."""
    features_step(S[k], bars[i])
    features_row(S[k], row[0])


def warm() -> None:
    """Compile every function, or load it from the cache."""
    S = np.zeros(1, FEATURES)
    init(S)
    step(S, 0, np.ones(1, CANDLE), 0, np.zeros(1, FEATURE_ROW))
