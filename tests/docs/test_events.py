"""The program that the docs show follows a session to its end, and goes on where it was."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from triplane.data.generator import generate

PAGE = Path(__file__).parents[2] / "docs" / "events.md"


@pytest.fixture
def running(tmp_path):
    """A folder with the program, where a session is run at full speed; gives the session's id."""
    ((name, code),) = re.findall(r'```python title="([^"]+)"\n(.*?)```', PAGE.read_text(), re.DOTALL)
    (tmp_path / name).write_text(code)
    pd.DataFrame(generate(seed=4, start_ms=1_700_000_100_000, n=8_000)).to_parquet(tmp_path / "candles.parquet")
    command = [
        "up",
        "--source",
        "candles.parquet",
        "--strategy",
        "ema_cross",
        "--speed",
        "max",
        "--port",
        "0",
        "--json",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "triplane.cli.main", *command], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    yield json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")["session"]
    process.terminate()
    process.wait(60)
    process.stdout.close()


def follow(folder, session):
    done = subprocess.run(
        [sys.executable, "follow.py", session], cwd=folder, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_each_trade_once(running, tmp_path):
    facts = tmp_path / "triplane-data" / "sessions" / running / "facts.jsonl"
    told = follow(tmp_path, running)
    all_facts = [json.loads(line) for line in facts.read_text().splitlines()]
    trades = [fact for fact in all_facts if fact["event"] == "trade.v1"]

    assert len(trades) > 3
    assert told == [f"{trade['symbol']} {trade['side']} {trade['pnl']}" for trade in trades]
    assert follow(tmp_path, running) == []
    (tmp_path / "follow.seq").write_text(str(trades[-3]["seq"]))
    assert follow(tmp_path, running) == told[-2:]
