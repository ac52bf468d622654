"""Commands: each kind takes the columns that it has, by their names."""

import pytest

from triplane.kernel import inputs
from triplane.kernel.codes import CommandKind, Gate


def test_commands_by_name():
    made = inputs.command(CommandKind.GATE, 5, gate=Gate.KILL_SWITCH, closed=1)

    assert made.dtype == inputs.COMMAND
    (row,) = made
    assert (row["time"], row["kind"], row["code"], row["flag"]) == (5, CommandKind.GATE, Gate.KILL_SWITCH, 1)
    assert inputs.command(CommandKind.AMEND, targets=(1.0, 2.0, 3.0))["targets"].tolist() == [[1.0, 2.0, 3.0]]
    with pytest.raises(ValueError, match="price"):
        inputs.command(CommandKind.GATE, price=1.0)
