"""An exchange in a box in a process of its own, with an account for each test."""

import itertools
import json
import logging
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from triplane.venues.keys import Credentials

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "binance"), str(HERE.parent / "execution")]  # modules beside the tests
pytest.register_assert_rewrite("suite")

ACCOUNTS = 400
EIGHT_HOURS = 8 * 3_600_000


class Box:
    """The running box; its market stands still unless it is told to move."""

    def __init__(self, *arguments):
        self._numbers = itertools.count()
        accounts = [text for n in range(ACCOUNTS) for text in ("--account", f"key-{n:04}-abcdef:secret-{n:04}:10000")]
        accounts += ["--account", "key-withdraw:secret-withdraw:5000:withdraw"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "triplane.cli.main", "exchange", "--port", "0", "--json", *accounts, *arguments],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        urls = json.loads(self._process.stdout.readline())
        self.rest, self.ws = urls["rest"], urls["ws"]
        self._http = httpx.Client(base_url=self.rest, timeout=60, trust_env=False)
        self.clock(pause=True)

    def keys(self):
        """Credentials of a fresh account."""
        n = next(self._numbers)
        return Credentials(f"key-{n:04}-abcdef", f"secret-{n:04}")

    def post(self, path, body):
        reply = self._http.post(path, json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def clock(self, **what):
        return self.post("/box/clock", what)

    def until_funding(self):
        """Let market time pass the next hour at which funding is paid."""
        market = self._http.get("/box/clock").json()["market"]
        self.clock(step=EIGHT_HOURS - market % EIGHT_HOURS + 1000)

    def faults(self, *rows):
        self.post("/box/faults", list(rows))

    def clear(self):
        assert self._http.delete("/box/faults").status_code == 200

    def price(self, price, symbol="BTCUSDT"):
        return self.post("/box/price", {"symbol": symbol, "price": None if price is None else str(price)})

    def state(self):
        return self._http.get("/box/state").json()

    def stop(self):
        self._http.close()
        self._process.terminate()
        code = self._process.wait(20)
        self._process.stdout.close()
        return code


@pytest.fixture(scope="package")
def one_box():
    running = Box("--no-limits")
    yield running
    assert running.stop() == 0


@pytest.fixture
def box(one_box):
    """The box without faults, at the market's own price."""
    one_box.clear()
    one_box.price(None)
    yield one_box
    one_box.clear()


@pytest.fixture(autouse=True)
def own_logging():
    """What a test does to logging ends with it."""
    factory = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(factory)
