"""An exchange in a box in a process of its own, and its remote control."""

import json
import subprocess
import sys
import time

import httpx
import pytest


class Box:
    """The running box."""

    def __init__(self, *arguments):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "triplane.cli.main", "exchange", "--port", "0", "--json", *arguments],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        urls = json.loads(self._process.stdout.readline())
        self.rest, self.ws = urls["rest"], urls["ws"]
        self._http = httpx.Client(base_url=self.rest, timeout=30)

    def post(self, path, body):
        reply = self._http.post(path, json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def clear(self):
        assert self._http.delete("/box/faults").status_code == 200

    def price(self, price, symbol="BTCUSDT"):
        return self.post("/box/price", {"symbol": symbol, "price": None if price is None else str(price)})

    def state(self):
        return self._http.get("/box/state").json()

    def account(self, key="box-key"):
        return self.state()["accounts"][key]

    def listens(self):
        """A socket listens to an account's listen key."""
        return any(len(stream) == 64 for socket in self.state()["sockets"] for stream in socket["streams"])

    def until_it_listens(self, seconds=20.0):
        """Wait until a socket listens to an account."""
        end = time.monotonic() + seconds
        while not self.listens():
            assert time.monotonic() < end, "nobody listens"
            time.sleep(0.01)

    def stop(self):
        self._http.close()
        self._process.terminate()
        code = self._process.wait(20)
        self._process.stdout.close()
        return code


@pytest.fixture(scope="module")
def box():
    running = Box("--speed", "20", "--no-limits", "--account", "other:other-secret:5000:withdraw")  # fmt: skip
    yield running
    assert running.stop() == 0


@pytest.fixture
def start():
    """Starts another box."""
    return Box
