"""Every command that the README and the docs show can be typed as it stands.

They run in the test's process, one after the other, which saves a second each; a session with a page needs its own.
"""

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from triplane.cli.main import make_app

ROOT = Path(__file__).parents[2]
PORTFOLIOS = ROOT / "docs" / "portfolios.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands():
    found = {}
    for page in PAGES:
        for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
            for line in block.splitlines():
                if line.startswith("$ triplane "):
                    found.setdefault(line[2:].split("  #")[0].strip(), page.name)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory, strategies):
    """What the pages speak of: candles, a calendar, files of a user's own."""
    path = tmp_path_factory.mktemp("docs")
    (script,) = re.findall(
        r'```python title="candles.py"\n(.*?)```', (ROOT / "docs" / "strategies.md").read_text(), re.DOTALL
    )
    subprocess.run([sys.executable, "-c", script], cwd=path, check=True)
    (path / "calendar.csv").write_text("time,title\n2023-11-20T14:30:00Z,rates\n")
    (path / "funding.csv").write_text("funding_time,funding_rate\n1700496000000,0.001\n1700524800000,0.0001\n")
    (path / "calendar.ics").write_text(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:1\nDTSTART:20231120T143000Z\nSUMMARY:rates\n"
        "END:VEVENT\nEND:VCALENDAR\n"
    )
    (path / "strategies").symlink_to(strategies)
    (definition,) = re.findall(r'```yaml title="portfolio.yaml"\n(.*?)```', PORTFOLIOS.read_text(), re.DOTALL)
    (path / "portfolio.yaml").write_text(definition)
    page = (ROOT / "docs" / "detectors-and-guards.md").read_text()
    for name, code in re.findall(r'```python title="([^"]+)"\n(.*?)```', page, re.DOTALL):
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(code)
    return path


def run(words):
    return CliRunner().invoke(make_app([words[0]]), words, env={"COLUMNS": "200"})


def test_there_are_commands():
    assert len(commands()) > 12


def test_every_command_works(folder, monkeypatch):
    monkeypatch.chdir(folder)
    session = ""
    for command, page in commands().items():
        if "--source binance" in command:  # needs the internet
            continue
        words = shlex.split(command.replace("SESSION", session))[1:]
        if words[0] == "exchange" or "--venue" in words:
            continue
        if "--minutes" in words:
            words[words.index("--minutes") + 1] = "120"  # of the day that is shown
        if words[0] == "up":
            words = ["up", "--once", *words[1:]]
            if "--source" not in words:
                words += ["--source", "candles.parquet"]
            if "--speed" in words:
                words[words.index("--speed") + 1] = "max"
            else:
                words += ["--speed", "max"]
        done = run(words)
        assert done.exit_code == 0, (page, command, done.stderr, done.exception)
        if words[0] == "up" and not session:
            session = min(p.name for p in (folder / "triplane-data" / "sessions").iterdir())


def test_every_command_with_a_box_starts_and_stops(folder, monkeypatch):
    monkeypatch.chdir(folder)
    settings = []
    monkeypatch.setattr("triplane.cli.up.become", lambda told: settings.append(told["config"]))
    shown = {}
    for command in commands():
        if "up --venue box" in command:
            words = [*shlex.split(command)[1:], "--port", "0", "--json", "--data-dir", "box"]
            done = run(words)
            assert done.exit_code == 0, (command, done.stderr)
            shown[json.dumps(settings.pop())] = words
    assert shown
    for words in shown.values():  # each that means something else
        process = subprocess.Popen(
            [sys.executable, "-m", "triplane.cli.main", *words], cwd=folder, stdout=subprocess.PIPE, text=True
        )  # fmt: skip
        ready = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, words
        process.stdout.close()
        assert ready["session"]


def test_the_python_of_the_readme(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    scope = {"candles": pd.read_parquet("candles.parquet")}
    exec(code, scope)

    assert len(scope["result"].trades) > 20
    assert len(scope["found"].order_blocks) > 100
    assert (folder / "chart.html").stat().st_size > 10_000


def test_the_python_of_portfolios(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (code,) = re.findall(r"```python\n(.*?)```", PORTFOLIOS.read_text(), re.DOTALL)
    scope = {"candles": pd.read_parquet("candles.parquet")}
    exec(code, scope)

    assert [one["sleeve"] for one in scope["result"].metrics["sleeves"]] == ["fast", "retest_analyzer"]
    assert {"fast", "retest_analyzer"} == set(scope["result"].trades["sleeve"])
