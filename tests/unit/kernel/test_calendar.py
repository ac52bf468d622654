"""Windows of the day at their edges, and the days of the week."""

from datetime import datetime

import numpy as np
import pytest

from triplane.kernel.calendar import DEFAULT_ZONES, KILL_ZONES, ZONES, in_window, kill_zone, minute_of_day


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp() * 1000)


@pytest.mark.parametrize(
    ("minute", "opens", "closes", "inside"),
    [
        (420, 420, 600, True),  # the first minute is in
        (599, 420, 600, True),
        (600, 420, 600, False),  # the last is not
        (419, 420, 600, False),
        (1439, 1320, 60, True),  # over midnight
        (0, 1320, 60, True),
        (60, 1320, 60, False),
        (700, 300, 300, True),  # the whole day
        (1439, 720, 1440, True),
    ],
)
def test_window(minute: int, opens: int, closes: int, inside: bool) -> None:
    assert in_window(minute, opens, closes) is inside


def test_minutes_are_utc() -> None:
    assert minute_of_day(ms("2025-03-30T02:59:59")) == 179  # the hour that is left out in Europe


def test_first_open_zone_that_counts() -> None:
    zones = np.zeros(1, KILL_ZONES)
    for j, (opens, closes) in enumerate(DEFAULT_ZONES):
        zones["opens"][0, j], zones["closes"][0, j] = opens, closes
    s = zones[0]

    assert kill_zone(s, ms("2025-01-07T08:00:00")) == -1
    s["on"][:] = (0, 1, 0)
    assert kill_zone(s, ms("2025-01-07T08:00:00")) == ZONES.index("london")
    assert kill_zone(s, ms("2025-01-07T10:00:00")) == -1
    s["on"][:] = (0, 1, 1)
    assert kill_zone(s, ms("2025-07-07T12:00:00")) == ZONES.index("new_york")  # the same in summer
