"""Paper and real trade one market alike, and whatever makes them differ is seen."""

import json
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from triplane.cli.main import make_app
from triplane.errors import BadInput
from triplane.exchange.market import Market
from triplane.exchange.rules import Rules
from triplane.research import parity

RANDOM = str(Path(__file__).parents[2] / "chaos" / "random_strategy.py")
QUICK = {"fast": 4, "slow": 9}
quick = partial(parity.compare, "ema_cross", params=QUICK, timeframe="1m")


def test_a_strategy_at_market_makes_the_same_trades():
    result = quick(minutes=240, symbols=("BTCUSDT", "ETHUSDT"), seed=2)
    found = result.to_dict()
    assert result.agree
    assert found["fills"]["matched"] > 20
    assert found["fills"]["only_paper"] == found["fills"]["only_real"] == 0
    assert found["exits"]["paper"] == found["exits"]["real"]
    assert set(result.classes) <= {"same", "path"}
    assert abs(found["price_difference_bps"]["median"]) <= found["price_difference_bps"]["modelled_slippage"]
    entries = [d for d in result.differences if d["class"] == "path"]
    assert all(d["paper"]["legs"]["entry"][0] == d["real"]["legs"]["entry"][0] for d in entries)  # only triggers differ


@pytest.mark.parametrize("seed", [1, 3])
def test_every_kind_of_order_and_each_difference_has_its_reason(seed):
    result = parity.compare(RANDOM, minutes=180, params={"seed": seed}, seed=seed)
    assert result.agree, [d for d in result.differences if d["class"] in parity.BAD]
    assert result.classes["same"] > 0
    assert result.classes["order"] > 0  # limits and tight stops in one candle: paper takes the worse
    first = min((d for d in result.differences if d["class"] != "path"), key=lambda d: d["time"])
    assert first["class"] in ("order", "refused", "waits")  # and whatever follows, follows from that


def test_the_same_seed_says_the_same():
    assert quick(minutes=60, seed=5).to_dict() == quick(minutes=60, seed=5).to_dict()


def test_a_market_that_is_worse_than_modelled_is_seen(monkeypatch):
    def worse(instrument, source, first):
        return Market(instrument, source, first, Rules(instrument, slippage=0.01))

    monkeypatch.setattr(parity, "Market", worse)
    result = quick(minutes=120, seed=2)
    assert not result.agree
    assert result.classes["apart"] > 0
    assert result.to_dict()["price_difference_bps"]["worst"] > 50


def test_a_trade_that_only_one_side_makes_is_seen(monkeypatch):
    monkeypatch.setattr(parity.VirtualExecution, "_arrive", lambda *_: None)  # no request ever comes to the venue
    result = quick(minutes=120, seed=2)
    assert not result.agree
    assert result.classes["alone"] > 0


@pytest.mark.parametrize("wrong", [{"minutes": 0}, {"symbols": ()}, {"symbols": ("BTCUSDT", "BTCUSDT")}])
def test_what_cannot_be_run_is_refused(wrong):
    with pytest.raises(BadInput):
        quick(**wrong)


def test_the_command():
    arguments = ["parity", "--minutes", "60", "--symbols", "BTCUSDT", "--set", "fast=4", "--set", "slow=9"]
    done = CliRunner().invoke(make_app(["parity", "up"]), [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["agree"]
    assert set(found) == {
        "agree", "trades", "fills", "price_difference_bps", "net_pnl", "exits", "differences",
    }  # fmt: skip
    shown = CliRunner().invoke(make_app(["parity", "up"]), arguments)
    assert shown.exit_code == 0
    assert "every difference has its reason" in shown.stdout
