"""The digest that makes two runs comparable: SHA-256 over the bytes of every decision row, in order.

Decisions are the rows up to ``records.LAST_DECISION``; what the broker reports about them does not count.
"""

import hashlib

import numpy as np

from triplane.kernel.rows import LAST_DECISION


class DecisionHash:
    """Takes rows as they come."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.count = 0

    def update(self, rows: "np.ndarray[tuple[int], np.dtype[np.void]]") -> None:
        """Add the decisions among some rows of ``rows.OUTPUT``."""
        if len(rows):
            decisions = rows[rows["kind"] <= LAST_DECISION]
            self.count += len(decisions)
            self._digest.update(decisions.tobytes())

    def hexdigest(self) -> str:
        """``decisions_sha256`` of all that came so far."""
        return self._digest.hexdigest()
