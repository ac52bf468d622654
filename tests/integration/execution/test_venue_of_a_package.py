"""A venue that an installed package offers, through the product's own processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

FAKES = Path(__file__).parents[2] / "unit" / "execution"
PACKAGE = """
from fakes import FakeVenue

from triplane.venues.catalogue import VenueKind


def adapter(keys, mode, clock):
    assert (keys.key, keys.secret, mode) == ("key-of-mine", "secret-of-mine", "testnet")
    return FakeVenue()


VENUE = VenueKind(adapter=adapter, feed=None, keys={"testnet": "MINE_TEST"})
"""
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "market", "quantity": "0.010", "clientOrderId": "first"}


@pytest.fixture
def environment(tmp_path):
    """Where a package is installed that offers the venue "mine"."""
    site = tmp_path / "site"
    info = site / "mine-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[triplane.venues]\nmine = mine_venue:VENUE\n")
    (site / "mine_venue.py").write_text(PACKAGE)
    path = [str(site), str(FAKES), *filter(None, [os.environ.get("PYTHONPATH")])]
    keys = {"MINE_TEST_API_KEY": "key-of-mine", "MINE_TEST_API_SECRET": "secret-of-mine"}
    return os.environ | keys | {"PYTHONPATH": os.pathsep.join(path), "COLUMNS": "200"}


def command(*words):
    return [sys.executable, "-m", "triplane.cli.main", *words]


def test_an_order_goes_through_the_router_to_it(environment, tmp_path):
    words = command("router", "--venue", "mine", "--port", "0", "--json", "--data-dir", str(tmp_path / "data"))
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        said = ""
        while not said.endswith("}\n"):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            said += line
        ready = json.loads(said)
        headers = {"Authorization": f"Bearer {Path(ready['token_file']).read_text().strip()}"}
        with httpx.Client(base_url=ready["url"], headers=headers, timeout=30) as client:
            placed = client.post("/api/v1/order", json=ORDER).json()
            assert client.post("/api/v1/order", json=ORDER).json() == placed
            (position,) = client.get("/api/v1/positions").json()
            assert client.get("/api/v1/venue").json()["name"] == "fake"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert (placed["clientOrderId"], placed["orderId"]) == ("first", "1")
    assert (position["symbol"], position["quantity"]) == ("BTCUSDT", "0.01")
    assert (tmp_path / "data" / "router" / "mine-testnet").is_dir()


def test_the_configuration_knows_it(environment):
    def run(*words):
        return subprocess.run(
            command("up", *words), env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    assert "where to trade: binance, binance-spot, mexc, mine, or box" in " ".join(run("--help").stdout.lower().split())
    assert "'mexc', 'mine' or 'box'" in run("--venue", "kraken").stderr
    refused = run("--venue", "mine", "--mode", "live")
    assert (refused.returncode, "mode is live; MINE has none, it must be paper or testnet" in refused.stderr) == (
        2,
        True,
    )
