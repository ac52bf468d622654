"""``triplane alerts``: what there is, and what each service answers."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from triplane.alerts import senders
from triplane.cli.main import make_app

TOKEN = "T0ken0fMine12345"


class Recorder(ThreadingHTTPServer):
    """Takes everything under /good, and nothing else."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.titles: list[str] = []
        self.busy = 0


class Handler(BaseHTTPRequestHandler):
    server: Recorder

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        good = self.path.startswith("/good") or "embeds" in body
        self.server.busy -= 1
        if self.server.busy >= 0:
            self.send_response(429)
            self.send_header("Retry-After", "0.01")
        elif good:
            self.server.titles.append(body["title"] if "title" in body else body["embeds"][0]["title"])
            self.send_response(200)
        else:
            self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def http() -> Iterator[Recorder]:
    with Recorder() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def call(tmp_path: Path, targets: list[object], *arguments: str, env: dict[str, str] | None = None):
    file = tmp_path / "triplane.yaml"
    file.write_text(yaml.safe_dump({"alerts": targets}))
    return CliRunner().invoke(make_app(["alerts"]), ["alerts", *arguments, "--config", str(file)], env=env)


def test_a_list_without_secrets(tmp_path: Path) -> None:
    targets = [
        {"url": "env:MY_DISCORD", "name": "phone", "severity": "critical"},
        {"url": f"tgram://123456789:{TOKEN}aaaaaaaaaaaaaaaaaaa/987654", "kinds": ["opened", "closed"]},
        f"nobody://{TOKEN}",
    ]
    result = call(tmp_path, targets, "list", "--json", env={"MY_DISCORD": f"discord://123456/{TOKEN}"})

    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert [(row["name"], row["address"], row["severity"], row["kinds"]) for row in rows] == [
        ("phone", "discord://…", "critical", "all"),
        ("tgram", "tgram://…", "info", "opened, closed"),
        ("nobody", "nobody://…", "info", "all"),
    ]
    assert [bool(row["problem"]) for row in rows] == [False, False, True]
    assert TOKEN not in result.output
    assert "mine" in call(tmp_path, [{"url": "json://host/x", "name": "mine"}], "list").stdout


def test_one_of_each_kind_and_what_was_answered(tmp_path: Path, http: Recorder) -> None:
    base = f"json://127.0.0.1:{http.server_port}"
    targets = [
        {"url": f"{base}/good/{TOKEN}", "name": "good", "severity": "debug"},
        {"url": f"{base}/bad/{TOKEN}", "name": "bad", "severity": "critical"},
    ]
    result = call(tmp_path, targets, "test", "--json")

    assert result.exit_code == 1
    rows = json.loads(result.stdout)
    assert len(http.titles) == 15
    assert [row["answer"] for row in rows if row["target"] == "good"] == ["sent"] * 15
    bad = [row for row in rows if row["target"] == "bad"]
    assert [row["alert"].partition(":")[0] for row in bad] == [
        "halted", "kill_switch", "error", "feed", "engine", "engine",
    ]  # fmt: skip
    assert all("403" in row["answer"] for row in bad)
    assert TOKEN not in result.output


@pytest.mark.parametrize(("busy", "sent"), [(2, True), (3, False)])
def test_a_service_that_asks_to_wait_is_asked_again(
    tmp_path: Path, http: Recorder, monkeypatch: pytest.MonkeyPatch, busy: int, sent: bool
) -> None:
    monkeypatch.setattr(senders, "DISCORD", f"http://127.0.0.1:{http.server_port}")
    http.busy = busy
    result = call(tmp_path, [{"url": f"discord://123456/{TOKEN}", "kinds": ["kill_switch"]}], "test", "--json")

    assert [(row["target"], row["sent"]) for row in json.loads(result.stdout)] == [("discord", sent)]
    assert http.titles == ["The kill switch is on"] * sent


def test_one_target_alone(tmp_path: Path, http: Recorder) -> None:
    base = f"json://127.0.0.1:{http.server_port}"
    targets = [{"url": f"{base}/bad", "name": "bad"}, {"url": f"{base}/good", "name": "good", "kinds": ["closed"]}]
    result = call(tmp_path, targets, "test", "--target", "good")

    assert result.exit_code == 0
    assert http.titles == ["BTCUSDT long closed: +362.05 USDT", "BTCUSDT long closed: -131.60 USDT"]
    assert result.stdout.count(" sent ") == 2
    none = call(tmp_path, targets, "test", "--target", "goof")
    assert (none.exit_code, "there are: bad, good" in none.stderr) == (2, True)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ([], "no alert targets"),
        (["env:NOT_SET_ANYWHERE"], "NOT_SET_ANYWHERE is not set"),
        (["discord://your_id_here/your_token_here"], "still holds a placeholder"),
        ([{"url": f"discord://123456/{TOKEN}", "severity": "loud"}], "alerts.0.severity is 'loud'"),
    ],
)
def test_settings_that_cannot_be_used(tmp_path: Path, targets: list[object], words: str) -> None:
    result = call(tmp_path, targets, "test")

    assert result.exit_code in (1, 2)
    assert words in result.stderr
    assert TOKEN not in result.output


def test_a_target_that_cannot_be_used_does_not_stop_the_others(tmp_path: Path, http: Recorder) -> None:
    targets = [f"nobody://{TOKEN}", {"url": f"json://127.0.0.1:{http.server_port}/good", "kinds": ["kill_switch"]}]
    result = call(tmp_path, targets, "test", "--json")

    assert result.exit_code == 1
    assert [(row["target"], row["sent"]) for row in json.loads(result.stdout)] == [("nobody", False), ("json", True)]
    assert "nobody (nobody://…) cannot be used" in result.stdout
    assert http.titles == ["The kill switch is on"]
    assert TOKEN not in result.output
