"""Hundreds of schedules of faults, kills and doings: no order is ever lost or doubled."""

import re
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("schedules.py")
COUNT = 300


def test_no_schedule_breaks_an_invariant():
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--count", str(COUNT)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    schedules, executions, broken = map(int, re.findall(r"\d+", done.stdout.splitlines()[-1]))
    assert (schedules, broken) == (COUNT, 0)
    assert executions > 5 * COUNT  # they do trade
