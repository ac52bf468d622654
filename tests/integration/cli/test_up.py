"""``triplane up`` as a user runs it: in processes of its own, on generated and on real data.

Beside it the other commands run in the test's process, which saves a second each.
"""

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pandas as pd
import pytest
from typer.testing import CliRunner

from triplane.cli.main import make_app
from triplane.data.generator import generate

DATA = Path(__file__).parents[4] / "shared" / "data"
TRIPLANE = [sys.executable, "-m", "triplane.cli.main"]


def triplane(*arguments, code=0):
    """Run a command to its end."""
    done = CliRunner().invoke(make_app([arguments[0]]), list(map(str, arguments)))
    assert done.exit_code == code, (done.stderr, done.exception)
    return done


def once(*arguments):
    """``triplane up`` in a process of its own, to the end of the data at full speed; gives its summary."""
    command = [*TRIPLANE, "up", "--once", "--json", *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    path = tmp_path_factory.mktemp("market") / "BTCUSDT-1m.parquet"
    pd.DataFrame(generate(seed=11, start_ms=1_700_000_100_000, n=30_000)).to_parquet(path)
    return path


@pytest.fixture(scope="module")
def blocks(market, tmp_path_factory):
    """A folder where ``ict_blocks`` ran to the end of the market, and the summary."""
    folder = tmp_path_factory.mktemp("blocks")
    return folder, once("--source", market, "--data-dir", folder)


@pytest.fixture(scope="module")
def tested(market):
    """The backtest of ``ict_blocks``."""
    return json.loads(triplane("backtest", "ict_blocks", "--data", market, "--json").stdout)


def agree(live, tested, folder):
    assert live["decisions_sha256"] == tested["decisions_sha256"]
    for name in ("bars", "trades", "net_pnl", "fees", "win_rate", "max_drawdown_pct", "return_pct"):
        assert live[name] == pytest.approx(tested[name]), name
    proof = json.loads(triplane("verify", live["session"], "--data-dir", folder, "--json").stdout)
    assert proof["ok"]
    assert proof["decisions_sha256"] == live["decisions_sha256"]


def test_a_live_session_decides_as_the_backtest(blocks, tested):
    folder, live = blocks
    agree(live, tested, folder)


def test_another_strategy_does_too(market, tmp_path):
    live = once("--source", market, "--strategy", "ema_cross", "--data-dir", tmp_path)
    agree(live, json.loads(triplane("backtest", "ema_cross", "--data", market, "--json").stdout), tmp_path)


def test_a_news_calendar_means_the_same_live_and_in_a_backtest(market, tmp_path):
    news = tmp_path / "news.csv"
    hours = pd.date_range("2023-11-15", "2023-12-06", freq="5h", tz="UTC")
    news.write_text("time,title\n" + "".join(f"{t:%Y-%m-%dT%H:%M:%SZ},news\n" for t in hours))
    arguments = ("--source", market, "--strategy", "ema_cross", "--data-dir", tmp_path, "--news", news)
    live = once(*arguments)
    tested = json.loads(triplane("backtest", "ema_cross", "--data", market, "--json", "--news", news).stdout)
    without = json.loads(triplane("backtest", "ema_cross", "--data", market, "--json").stdout)

    assert live["decisions_sha256"] == tested["decisions_sha256"] != without["decisions_sha256"]
    with Page("--speed", "max", *arguments) as page:
        page.wait(lambda s: s["finished"])
    listed = json.loads(triplane("sessions", "--data-dir", tmp_path, "--json").stdout)
    assert {s["decisions_sha256"] for s in listed} == {tested["decisions_sha256"]}


@pytest.mark.skipif(not DATA.exists(), reason="the shared market data is not here")
def test_the_same_on_the_real_market(tmp_path):
    path = DATA / "klines" / "spot" / "BTCUSDT-1m.parquet"
    live = once("--source", path, "--data-dir", tmp_path)
    tested = json.loads(triplane("backtest", "ict_blocks", "--data", path, "--json").stdout)

    assert live["bars"] == tested["bars"] == 790_480
    assert live["decisions_sha256"] == tested["decisions_sha256"]


def test_a_file_without_a_name_is_one_market_on_one_account_however_it_is_typed(market, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(market, "gold.parquet")
    first, second = (once("--source", path, "--data-dir", "d") for path in ("gold.parquet", "./gold.parquet"))
    tested = json.loads(triplane("backtest", "ict_blocks", "--data", "gold.parquet", "--json").stdout)

    assert first["symbols"] == [tested["symbol"]] == ["UNKNOWN"]
    assert first["decisions_sha256"] == second["decisions_sha256"] == tested["decisions_sha256"]
    (account,) = json.loads(triplane("accounts", "list", "--data-dir", "d", "--json").stdout)
    assert (account["account"], account["venue"], account["epoch"]) == ("main", str(tmp_path / "gold.parquet"), 1)
    triplane("accounts", "reset", "main", "--venue", "gold.parquet", "--data-dir", "d")


def test_a_tampered_journal_is_found(blocks, tmp_path):
    folder, run = blocks
    session = run["session"]
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    journal = tmp_path / "sessions" / session / "journal.tpj"
    content = bytearray(journal.read_bytes())
    content[len(content) // 2] ^= 1
    journal.write_bytes(content)
    done = triplane("verify", session, "--data-dir", tmp_path, code=1)

    assert isinstance(done.exception, SystemExit)
    assert "Traceback" not in done.stderr


class Page:
    """A session with a page, in a process of its own."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [*TRIPLANE, "up", "--port", "0", "--json", *map(str, arguments)], stdout=subprocess.PIPE, text=True
        )
        lines = "".join(iter(self.process.stdout.readline, "}\n")) + "}"
        self.ready = json.loads(lines)
        token = self.ready["url"].split("token=")[1]
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.ready['port']}", headers={"Authorization": f"Bearer {token}"}
        )

    def wait(self, condition):
        """Read the status until the condition holds; fails after a minute."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status = self.client.get("/system/status").json()
            if condition(status):
                return status
            time.sleep(0.05)
        raise AssertionError(f"still waiting: {status}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) == 0
        self.process.stdout.close()


def test_the_page_shows_what_the_backtest_found(market, tested, tmp_path):
    with Page("--source", market, "--speed", "max", "--data-dir", tmp_path) as page:
        page.wait(lambda s: s["finished"])
        get = page.client.get
        history = get("/market-rest/history", params={"symbol": "BTCUSDT", "limit": 400}).json()
        performance = get("/trades/performance").json()

        assert len(history["candles"]) == 400
        assert history["zones"]
        assert any(c["indicators"]["ema_trend"] for c in history["candles"])
        assert performance["trades"] == tested["trades"]
        assert float(performance["net_pnl"]) == pytest.approx(tested["net_pnl"], abs=1e-6)
        assert performance["funnel"] == tested["funnel"]
        assert get("/").status_code == 200
    listed = json.loads(triplane("sessions", "--data-dir", tmp_path, "--json").stdout)

    assert [(s["status"], s["decisions_sha256"]) for s in listed] == [("finished", tested["decisions_sha256"])]


def test_a_second_start_continues_the_session(tmp_path):
    arguments = ("--source", "demo", "--speed", "600", "--data-dir", tmp_path)
    with Page(*arguments) as page:
        first = page.wait(lambda s: s["last_candle_time"] and s["state"] != "BOOTSTRAP")
    with Page(*arguments) as page:
        again = page.wait(lambda s: s["last_candle_time"] > first["last_candle_time"])

    assert again["session_id"] == first["session_id"]
    assert json.loads(triplane("verify", first["session_id"], "--data-dir", tmp_path, "--json").stdout)["ok"]


def test_a_port_that_is_taken_is_told_in_one_sentence(market, tmp_path):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = subprocess.run(
            [*TRIPLANE, "up", "--port", str(port), "--source", str(market), "--data-dir", str(tmp_path / "d")],
            check=False, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 2
        one_sentence(done.stderr, str(port), "--port")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data-dir", "file/below"], ["data-dir", "file"]),
        (["--source", "nowhere"], ["nowhere", "demo"]),
        (["--strategy", "nope"], ["nope", "ict_blocks"]),
        (["--set", "fats=1"], ["fats", "ict_blocks"]),
        (["--set", "trend=-5"], ["trend", "-5"]),
        (["--speed", "0"], ["speed", "0"]),
        (["--timeframe", "45s"], ["45s"]),
        (["--symbols", "BTCUSDT,BTCUSDT"], ["BTCUSDT"]),
        (["--symbols", "BTCUSDT,ETHUSDT"], ["BTCUSDT and ETHUSDT", "the same candles"]),
    ],
)
def test_what_cannot_be_run_says_so_in_one_sentence(market, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    done = triplane("up", "--once", "--source", market, "--data-dir", "d", *arguments, code=2)
    one_sentence(done.stderr, *words)


def one_sentence(text, *words):
    assert all(word in text for word in words), text
    assert len([line for line in text.splitlines() if "Error" in line]) == 1
    assert "Traceback" not in text


def test_sessions_are_started_and_stopped_in_the_engine_that_runs(market, tmp_path):
    at = ("--data-dir", tmp_path, "--json")
    with Page("--source", market, "--speed", "60", "--strategy", "ema_cross", "--data-dir", tmp_path) as page:
        page.wait(lambda s: s["session_status"] == "running")
        started = json.loads(triplane("start", "ict_blocks", "--balance", "5000", *at).stdout)
        listed = {s["session"]: s for s in json.loads(triplane("sessions", *at).stdout)}
        assert [s["status"] for s in listed.values()] == ["running", "running"]
        assert sorted(s["strategy"] for s in listed.values()) == ["ema_cross", "ict_blocks"]
        (second,) = [key for key, s in listed.items() if s["strategy"] == "ict_blocks"]
        assert started["id"] == second
        assert json.loads(triplane("sessions", second, *at).stdout)["funnel"]["signals"] >= 0
        assert "What became of" in triplane("sessions", second, "--data-dir", tmp_path).stdout
        assert "no session 'none'" in triplane("sessions", "none", *at, code=2).stderr
        triplane("stop", second, *at)
        listed = {s["session"]: s["status"] for s in json.loads(triplane("sessions", *at).stdout)}
        assert listed[second] == "interrupted"
        assert sorted(listed.values()) == ["interrupted", "running"]
        again = triplane("start", "ict_blocks", "--account", "other", *at)
        third = json.loads(again.stdout)["id"]
        second_up = subprocess.run(
            [*TRIPLANE, "up", "--port", "0", "--strategy", "ict_blocks", "--data-dir", str(tmp_path)],
            check=False, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert second_up.returncode == 1
        assert "`triplane up` runs on" in second_up.stderr
        assert "triplane start" in second_up.stderr
        assert (tmp_path / "page.json").exists()  # of the first
        wrong = triplane("start", "../../evil.py", *at, code=2)
        assert "evil.py'; it must be one of" in wrong.stderr
        again = triplane("start", *at, code=1)
        first = page.ready["session"]
        assert f"A session with these settings runs already ({first})." in again.stderr
        (tmp_path / "two.yaml").write_text(
            "- {strategy: ema_cross, name: fast, timeframe: 5m}\n- {strategy: ema_cross, params: {slow: 150}}\n"
        )
        both = json.loads(triplane("start", tmp_path / "two.yaml", "--account", "both", *at).stdout)
        assert [name.partition(":")[2] for name in both["symbols"]] == ["fast", "ema_cross"]
        (tmp_path / "kill_switch.json").write_text('{"reason": "by hand"}')
        said = triplane("start", "ema_cross", "--set", "slow=150", "--data-dir", tmp_path).stdout
        assert "has started, but the kill switch is on: it is halted until you resume it." in " ".join(said.split())
        assert page.client.get("/api/sessions").json()["items"][0]["parameters"]["slow"] == 150
    with Page("--source", market, "--speed", "60", "--strategy", "ema_cross", "--data-dir", tmp_path) as page:
        page.wait(lambda _: page.client.get("/readyz").status_code == 200)  # all of them run
        listed = {s["session"]: s["status"] for s in json.loads(triplane("sessions", *at).stdout)}
        assert listed.pop(second) == "interrupted"  # it was stopped by a person
        assert set(listed.values()) == {"running"}
        assert third in listed
    gone = triplane("stop", second, *at, code=1)
    assert "No `triplane up` runs on" in gone.stderr


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A running session, and its folder, for tests that only look at it."""
    folder = tmp_path_factory.mktemp("demo")
    with Page("--source", "demo", "--speed", "600", "--data-dir", folder) as page:
        yield page, folder


def test_the_server_listens_on_this_machine_alone(demo):
    page, folder = demo
    port = page.ready["port"]
    assert httpx.get(f"http://127.0.0.1:{port}/system/status").status_code == 401
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in others - {"127.0.0.1"} - {a for a in others if a.startswith("127.")}:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((address, port), timeout=2)
    assert (folder / "token").stat().st_mode & 0o077 == 0


def test_the_socket_brings_candles(demo):
    import websockets

    async def listen(page):
        token = page.ready["url"].split("token=")[1]
        address = f"ws://127.0.0.1:{page.ready['port']}/stream/BTCUSDT?token={token}"
        async with websockets.connect(address) as stream, asyncio.timeout(30):
            async for text in stream:
                message = json.loads(text)
                if message["type"] == "candle":
                    return message
        return None

    message = asyncio.run(listen(demo[0]))

    assert message["symbol"] == "BTCUSDT"
    assert {"open", "high", "low", "close", "volume", "is_closed"} <= set(message["data"])
