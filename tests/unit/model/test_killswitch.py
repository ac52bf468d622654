"""The kill switch: a file that stays, and counts as on when it cannot be read."""

from pathlib import Path

import pytest

from triplane.errors import TriplaneError
from triplane.model.killswitch import KillSwitch


def test_kill_switch_survives_and_fails_closed(tmp_path: Path) -> None:
    switch = KillSwitch(tmp_path)
    assert (switch.on, switch.read()) == (False, {})
    switch.set("enough", flatten=True, time_ms=5)
    again = KillSwitch(tmp_path)
    assert again.on
    assert again.read() == {"reason": "enough", "flatten": True, "time": 5}
    (tmp_path / "kill_switch.json").write_text("{broken")
    assert (again.on, again.read()) == (True, {})
    again.clear()
    again.clear()
    assert not switch.on
    with pytest.raises(TriplaneError, match="cannot be written"):
        KillSwitch(tmp_path / "no").set("x", flatten=False, time_ms=0)
