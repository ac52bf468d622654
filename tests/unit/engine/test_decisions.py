"""The digest of all decisions."""

import hashlib

import numpy as np

from triplane.engine.decisions import DecisionHash
from triplane.kernel.rows import LAST_DECISION, OUTPUT


def test_decision_hash_takes_decisions_in_any_pieces() -> None:
    rows = np.zeros(30, OUTPUT)
    rows["kind"] = np.arange(30) % 9 + 1
    rows["seq"] = np.arange(30)
    digest = DecisionHash()
    for part in np.array_split(rows, 7):
        digest.update(part)
    digest.update(rows[:0])
    decisions = rows[rows["kind"] <= LAST_DECISION]

    assert digest.hexdigest() == hashlib.sha256(decisions.tobytes()).hexdigest()
    assert digest.count == len(decisions)
