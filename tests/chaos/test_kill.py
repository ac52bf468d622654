"""``kill -9`` at fifty random moments of a paper session: nothing lost, nothing doubled, the same account."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = 50


@pytest.mark.skipif(not hasattr(os, "fork"), reason="lives of the session are forks of one process")
def test_fifty_kills_leave_the_session_as_if_nothing_had_happened(tmp_path: Path) -> None:
    program = Path(__file__).with_name("paper_session.py")
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path), str(KILLS), "11"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    calm, killed = found["calm"], found["killed"]

    assert found["kills"] == KILLS
    assert len(calm["tables"]["trades"]) > 50
    assert calm["finished"]
    assert killed["sessions"] == calm["sessions"] == 1
    assert killed["verified"]
    for name in ("fills", "orders", "trades", "signals"):
        assert killed["tables"][name] == calm["tables"][name], name
    assert killed == calm
