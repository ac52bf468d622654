"""``triplane up`` on an exchange in a box: orders through the real adapter, and one sentence for what cannot be."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from triplane.cli.main import make_app
from triplane.engine.journal import Reader

STRATEGY = '''
"""Long at every bar."""
from triplane.strategies.base import Enter, PythonStrategy


class Always(PythonStrategy):
    name = "always"
    timeframe = "1m"

    def on_bar(self, bar, view):
        if view.side or view.pending:
            return None
        d = bar.close * 0.0004
        return Enter(1, stop_distance=d, target_distances=[d, 2 * d], fractions=[0.5, 0.5])


STRATEGY = Always
'''
PLACES = ("BINANCE_TESTNET", "BINANCE_MAINNET", "MEXC")
KEYS = [f"{place}_API_{part}" for place in PLACES for part in ("KEY", "SECRET")]


def command(*words):
    return [sys.executable, "-m", "triplane.cli.main", "up", *words]


def clean(**more):
    return {name: value for name, value in os.environ.items() if name not in KEYS} | more


@pytest.fixture
def running(tmp_path):
    (tmp_path / "always.py").write_text(STRATEGY)
    (tmp_path / "c.yaml").write_text("trading: {cooldown_bars: 0, max_trades_day: 1000}\n")
    words = ["--venue", "box", "--mode", "testnet", "--strategy", str(tmp_path / "always.py"), "--speed", "120",
             "--leverage", "3", "--config", str(tmp_path / "c.yaml"), "--data-dir", str(tmp_path / "data"),
             "--port", "0", "--json"]  # fmt: skip
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen(command(*words), stdout=subprocess.PIPE, stderr=log, text=True, env=clean())
    ready = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
    token = (tmp_path / "data" / "token").read_text().strip()
    with httpx.Client(
        base_url=f"http://127.0.0.1:{ready['port']}", headers={"Authorization": f"Bearer {token}"}
    ) as page:
        yield page, tmp_path / "log"
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    process.stdout.close()
    log.close()
    assert "box-secret" not in (tmp_path / "log").read_text()


def until(found, seconds=90.0):
    end = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.2)
    return result


def test_it_trades_through_the_adapter(running):
    page, log = running
    (journal,) = log.parent.glob("data/sessions/*/journal.tpj")
    (rules,) = Reader(journal).meta["setup"]["instruments"]
    assert (rules["maintenance_margin"], rules["tiers"][:2]) == (0.005, [[800_000, 0.0065], [3_000_000, 0.01]])

    trades = until(lambda: (found := page.get("/trades/history").json())["total"] >= 2 and found["items"])

    status = page.get("/system/status").json()
    assert status["mode"] == "testnet"
    assert "not_reconciled" not in status["gates"]
    assert {trade["side"] for trade in trades} == {"LONG"}
    assert all(float(trade["fees"]) > 0 for trade in trades)
    portfolio = page.get("/trades/portfolio").json()
    assert float(portfolio["wallet_balance"]) != 10_000
    said = page.get("/openapi.json").json()
    for path, methods in said["paths"].items():
        if "get" in methods and "{" not in path:
            assert "box-secret" not in page.get(path).text, path


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--mode", "live"], "mode is live; it needs a venue"),
        (["--mode", "live", "--venue", "box"], "on the exchange in a box it must be paper or testnet"),
        (["--mode", "testnet", "--venue", "mexc"], "MEXC has none"),
        (["--venue", "box", "--mode", "testnet", "--speed", "max"], "speed is max"),
        (["--venue", "box", "--once"], "--once needs data that ends"),
        (["--venue", "binance", "--source", "demo.csv"], "the data comes from there too"),
        (["--venue", "kraken"], "venue is 'kraken'"),
        (["--mode", "testnet", "--venue", "binance", "--router", "ftp://x"], "TRIPLANE_ROUTER_TOKEN is not set"),
    ],
)
def test_what_cannot_be_is_one_sentence(words, sentence, tmp_path, monkeypatch):
    monkeypatch.setattr("triplane.cli.up.become", lambda told: pytest.fail("it was going to start"))
    unset = dict.fromkeys(KEYS)
    arguments = ["up", *words, "--data-dir", str(tmp_path), "--port", "0"]
    done = CliRunner().invoke(make_app(["up"]), arguments, env=unset)
    refused(done.exit_code, done.stderr, sentence)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--mode", "testnet", "--venue", "binance"], "BINANCE_TESTNET_API_KEY is not set"),
        (["--mode", "live", "--venue", "mexc"], "MEXC_API_KEY is not set"),
    ],
)
def test_without_keys_it_does_not_start(words, sentence, tmp_path):
    done = subprocess.run(
        command(*words, "--data-dir", str(tmp_path), "--port", "0"),
        check=False, capture_output=True, text=True, timeout=60, env=clean(),
    )  # fmt: skip
    refused(done.returncode, done.stderr, sentence)


def refused(code, text, sentence):
    assert code == 2
    assert sentence in " ".join(text.split())
    assert text.count("\n") <= 4


def test_placeholders_are_refused(tmp_path):
    keys = {"BINANCE_MAINNET_API_KEY": "your_api_key_here", "BINANCE_MAINNET_API_SECRET": "xxx"}
    done = subprocess.run(
        command("--mode", "live", "--venue", "binance", "--data-dir", str(tmp_path), "--port", "0"),
        check=False, capture_output=True, text=True, timeout=60, env=clean(**keys),
    )  # fmt: skip
    assert done.returncode == 2
    assert "BINANCE_MAINNET_API_KEY still holds a placeholder" in " ".join(done.stderr.split())
    assert "your_api_key_here" not in done.stderr


# ------------------------------------------------------------------------ box, router and session, three processes
PYTHON = [sys.executable, "-m", "triplane.cli.main"]


def ready(process):
    """The JSON object that a command prints when it is ready, on one line or several."""
    text = ""
    for line in iter(process.stdout.readline, ""):
        text += line
        try:
            return json.loads(text)
        except ValueError:
            continue
    raise AssertionError("it ended before it was ready")


def start(*words, **more):
    process = subprocess.Popen([*PYTHON, *words, "--json"], stdout=subprocess.PIPE, text=True, env=clean(**more))
    return process, ready(process)


def end(process):
    process.send_signal(signal.SIGINT)
    process.wait(60)
    process.stdout.close()


def test_killed_sessions_go_on_through_the_router(tmp_path):
    (tmp_path / "always.py").write_text(STRATEGY)
    (tmp_path / "c.yaml").write_text("trading: {cooldown_bars: 0, max_trades_day: 1000}\n")
    box, urls = start("exchange", "--speed", "120", "--port", "0", "--no-limits")
    where = ["--box-rest", urls["rest"], "--box-ws", urls["ws"]]
    router, served = start("router", "--venue", "box", *where, "--port", "0", "--data-dir", str(tmp_path / "router"))
    token = Path(served["token_file"]).read_text().strip()
    words = ["up", "--venue", "box", "--mode", "testnet", *where, "--router", served["url"], "--port", "0",
             "--strategy", str(tmp_path / "always.py"), "--leverage", "3", "--config", str(tmp_path / "c.yaml"),
             "--data-dir", str(tmp_path / "data")]  # fmt: skip

    def state():
        return httpx.get(f"{urls['rest']}/box/state", timeout=30).json()["accounts"]["box-key"]

    sessions = set()
    try:
        for life in range(3):
            session, told = start(*words, TRIPLANE_ROUTER_TOKEN=token)
            sessions.add(told["session"])
            before = len(state()["fills"])
            until(lambda before=before: len(state()["fills"]) >= before + 3)
            if life < 2:
                time.sleep(0.05 * life)
                os.kill(session.pid, signal.SIGKILL)
                session.wait(10)
                session.stdout.close()
        headers = {"Authorization": "Bearer " + (tmp_path / "data" / "token").read_text().strip()}
        with httpx.Client(base_url=told["url"].split("/?")[0], headers=headers) as page:
            httpx.post(f"{urls['rest']}/box/clock", json={"pause": True})
            assert page.post("/api/kill-switch", json={"flatten": True, "reason": "it is over"}).status_code == 200
            until(lambda: not any(float(p["positionAmt"]) for p in state()["positions"]) and not waiting(state()))
            until(lambda: agrees(page, state()))
        end(session)
    finally:
        for process in (router, box):
            end(process)
    assert len(sessions) == 1  # the same session each time


def waiting(account):
    return [a for a in account["algoOrders"] if a["algoStatus"] == "NEW"]


def agrees(page, account):
    ours = float(page.get("/trades/portfolio").json()["wallet_balance"])
    ids = Counter(o["clientOrderId"] for o in account["orders"])
    assert max(ids.values()) == 1
    assert max(Counter(a["clientAlgoId"] for a in account["algoOrders"]).values()) == 1
    return abs(ours - float(account["balance"])) < 0.01
