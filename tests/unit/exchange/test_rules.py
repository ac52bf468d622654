"""Fills are the kernel's answers; accounts and sources are read strictly."""

from decimal import Decimal
from itertools import pairwise

import pandas as pd
import pytest

from triplane.data.clock import ManualClock
from triplane.data.generator import demo_instrument, generate
from triplane.errors import BadInput
from triplane.exchange.opening import infer_instrument, open_exchange, open_markets, parse_account
from triplane.exchange.positions import brackets_of
from triplane.exchange.rules import Rules, liquidation

BTC = demo_instrument("BTCUSDT")


@pytest.mark.parametrize(
    ("kind", "side", "level", "trade", "fills"),
    [
        ("LIMIT", 1, 1000, 1000, None), ("LIMIT", 1, 1000, 999, 1000), ("LIMIT", 1, 1000, 900, 1000),
        ("LIMIT", -1, 1000, 1000, None), ("LIMIT", -1, 1000, 1001, 1000), ("MARKET", 1, 0, 950, 950),
        ("STOP_MARKET", -1, 1000, 1001, None), ("STOP_MARKET", -1, 1000, 1000, 1000), ("STOP", -1, 1000, 990, 990),
        ("STOP_MARKET", 1, 1000, 1010, 1010), ("TAKE_PROFIT_MARKET", -1, 1000, 999, None),
        ("TAKE_PROFIT_MARKET", -1, 1000, 1005, 1005), ("TAKE_PROFIT", 1, 1000, 995, 995),
    ],
)  # fmt: skip
def test_where_an_order_fills(kind, side, level, trade, fills):
    assert Rules(BTC).fill(kind, side, level, trade) == fills


def test_how_far_a_trade_must_go_through_and_slip():
    assert Rules(BTC, through_ticks=0).fill("LIMIT", 1, 1000, 1000) == 1000
    assert Rules(BTC, through_ticks=3).fill("LIMIT", 1, 1000, 998) is None
    assert (Rules(BTC, slippage=0.001).taker(1, 1_000_000), Rules(BTC, slippage=0.001).taker(-1, 1_000_000)) == (
        1_001_000, 999_000,
    )  # fmt: skip
    assert Rules(BTC, slippage=0.0).taker(1, 1000) == 1000


def test_liquidation_with_more_margin_than_needed_never_comes():
    d = Decimal
    assert liquidation(d(100), 1, d(1000), d(2000), d("0.005"), d(0)) == 0
    assert liquidation(d(100), -1, d(1000), d(1000), d("0.005"), d(0)) == pytest.approx(d(199), abs=d(1))
    assert liquidation(d(100), 1, d(1000), d(0), d("0.005"), d(0)) == 100


def test_brackets_are_continuous():
    market = open_markets("demo", ["BTCUSDT"], 1_760_000_040_000)[0]
    rows = brackets_of(market)
    for a, b in pairwise(rows):
        assert a.cap == b.floor
        assert a.cap * a.rate - a.cum == b.floor * b.rate - b.cum
        assert a.leverage > b.leverage


def test_accounts():
    account = parse_account("k:s:1.5:withdraw")
    assert (account.key, account.secret, account.wallet, account.can_withdraw) == ("k", "s", Decimal("1.5"), True)
    for text in ("", "k:s", "k:s:x", "k::1", "k:s:-1", "k:s:1:all", "k:s:NaN"):
        with pytest.raises(BadInput) as refused:
            parse_account(text)
        assert "k:s" not in str(refused.value)
    clock = ManualClock(1_760_000_040_000)
    assert list(open_exchange(clock=clock, accounts=["a:b:1"]).accounts) == ["box-key", "a"]
    assert open_exchange(clock=clock, accounts=["box-key:b:1"]).accounts["box-key"].wallet == 1
    with pytest.raises(BadInput):
        open_exchange(clock=clock, accounts=["a:b:1", "a:c:2"])


def test_recorded_markets_keep_time_and_grid(tmp_path):
    candles = generate(1, 1_700_000_100_000, 100, symbol="XRPUSDT")
    pd.DataFrame(candles).to_parquet(tmp_path / "XRPUSDT-1m.parquet")
    market = open_markets(str(tmp_path), ["XRPUSDT"], 0)[0]
    assert market.first_ms == candles["open_time"][50]
    inferred = infer_instrument("XRPUSDT", candles)
    assert (inferred.tick_size, inferred.lot_size) == (Decimal("0.0001"), Decimal("0.1"))
    with pytest.raises(BadInput):
        open_markets("nowhere", [], 0)
