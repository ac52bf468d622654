"""The router as a process of its own, in front of an exchange in a box: killed in the middle, nothing to hide."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

KEY, SECRET = "box-key", "box-secret"
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "market", "quantity": "0.010", "clientOrderId": "first"}


def start(*words, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "triplane.cli.main", *words], stdout=subprocess.PIPE, text=True, **more
    )


@pytest.fixture(scope="module")
def box():
    process = start("exchange", "--port", "0", "--json", "--no-limits")
    yield json.loads(process.stdout.readline())
    process.terminate()
    assert process.wait(20) == 0
    process.stdout.close()


@contextmanager
def running(box, folder, ending=signal.SIGTERM):
    """A router; gives its client, and what it has said is checked at the end."""
    words = ["router", "--venue", "box", "--box-rest", box["rest"], "--box-ws", box["ws"], "--port", "0", "--json"]
    log = folder / "log.txt"
    with log.open("a") as errors:
        process = start(*words, "--data-dir", str(folder / "data"), stderr=errors)
        said = ""
        while not said.endswith("}\n"):
            line = process.stdout.readline()
            assert line, log.read_text()
            said += line
        ready = json.loads(said)
        token = Path(ready["token_file"]).read_text().strip()
        try:
            with httpx.Client(
                base_url=ready["url"], headers={"Authorization": f"Bearer {token}"}, timeout=30
            ) as client:
                yield client
        finally:
            process.send_signal(ending)
            process.wait(20)
            said += process.stdout.read()
            process.stdout.close()
    assert process.returncode == (0 if ending == signal.SIGTERM else -ending)
    for text in (said, log.read_text()):
        assert SECRET not in text
        assert KEY not in text
        assert token not in text


def trades(box):
    state = httpx.get(box["rest"] + "/box/state", timeout=30).json()
    return state["accounts"][KEY]["fills"]


def fault(box, *rows):
    assert httpx.post(box["rest"] + "/box/faults", json=rows, timeout=30).status_code == 200


def test_killed_with_orders_of_unknown_fate(box, tmp_path):
    """After each kill -9 the same request is answered with the order that there is, and nothing is traded twice."""
    with running(box, tmp_path, signal.SIGKILL) as client:
        first = client.post("/api/v1/order", json=ORDER)
        assert (first.status_code, first.json()["clientOrderId"]) == (200, "first")
        fault(box, {"when": "POST /fapi/v1/order", "what": "503"})
        second = client.post("/api/v1/order", json={**ORDER, "clientOrderId": "second"})
        assert (second.status_code, second.json()["code"]) == (504, "unknown")
        said = [reply.text for reply in (first, second, client.get("/metrics"), client.get("/openapi.json"))]
    count = len(trades(box))
    assert count >= 2
    with running(box, tmp_path, signal.SIGKILL) as client:
        assert client.post("/api/v1/order", json=ORDER).json() == first.json()
        again = client.post("/api/v1/order", json={**ORDER, "clientOrderId": "second"})
        assert (again.status_code, again.json()["status"]) == (200, "filled")
        refused = client.post("/api/v1/order", json={**ORDER, "clientOrderId": "huge", "quantity": "900"})
        assert refused.status_code == 400
        stop = {**ORDER, "side": "SELL", "type": "STOP_MARKET", "stopPrice": "10.0", "reduceOnly": True}
        assert client.post("/api/v1/order", json={**stop, "clientOrderId": "stop"}).status_code == 200
        assert client.get("/api/v1/order/stop").json()["status"] == "open"
        done = client.post("/api/v1/kill-switch", json={"reason": "test"}).json()
        assert (done["switch"]["active"], done["problems"]) == (True, [])
        said += [reply.text for reply in (again, refused)]
    assert len(trades(box)) == count
    with running(box, tmp_path) as client:
        assert client.post("/api/v1/order", json={**ORDER, "clientOrderId": "third"}).status_code == 503
        assert (
            client.post("/api/v1/order", json={**ORDER, "clientOrderId": "huge", "quantity": "900"}).text
            == refused.text
        )
        (position,) = client.get("/api/v1/positions").json()
        assert position["quantity"] == "0.02"
        done = client.post("/api/v1/kill-switch", json={"flatten": True}).json()
        assert len(done["closing"]) == 1
        assert client.get("/api/v1/positions").json() == []
        assert client.post("/api/v1/kill-switch", json={"active": False}).status_code == 200
    assert not any(word in text for word in (KEY, SECRET) for text in said)
    kept = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in path.read_bytes() for path in kept)
    if os.name == "posix":
        assert all(path.stat().st_mode & 0o077 == 0 for path in kept)


def test_the_same_account_twice(box, tmp_path):
    with running(box, tmp_path):
        second = subprocess.run(
            [sys.executable, "-m", "triplane.cli.main", "router", "--venue", "box", "--box-rest", box["rest"],
             "--box-ws", box["ws"], "--port", "0", "--data-dir", str(tmp_path / "data")],
            check=False, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert second.returncode == 1
        assert "Another router uses the folder" in second.stderr
