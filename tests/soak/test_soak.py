"""Some minutes of the soak: everything that trades, over real sockets, with faults. ``make soak`` runs an hour."""

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("soak.py")


def test_nothing_is_lost_and_nothing_stays():
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--minutes", "24", "--speed", "60", "--quiets", "2", "--seed", "4"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    figures = json.loads(done.stdout)
    assert figures["problems"] == []
    assert figures["faults"] > 0
    assert figures["fills"] > 0
    assert figures["conditional"] > 0
