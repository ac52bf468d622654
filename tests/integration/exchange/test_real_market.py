"""A real recorded crash, replayed: the klines of the box are the recorded ones."""

from pathlib import Path

import numpy as np
import pytest

from triplane.data.recorded import open_recorded
from triplane.exchange.opening import open_markets

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "klines" / "usdm" / "1m_2025-05"


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the recorded market is not there")
@pytest.mark.parametrize("symbol", ["BTCUSDT", "LAYERUSDT"])
def test_a_recorded_market_is_replayed_exactly(symbol):
    market = open_markets(str(FOLDER), [symbol], 0)[0]
    source = open_recorded(FOLDER, symbol).candles
    until = market.first_ms + 24 * 3_600_000
    while (market.due() or until) < until:
        market.step()
    made = market.klines("1m", market.first_ms, until - 60_001, 1440)
    wanted = source[(source["open_time"] >= market.first_ms) & (source["open_time"] < until - 60_000)]
    assert made[:, 0].tolist() == wanted["open_time"].tolist()
    for column, name in enumerate(("open", "high", "low", "close"), 1):
        np.testing.assert_allclose(made[:, column] * float(market.tick), wanted[name], rtol=1e-12)
    busy = wanted["volume"] >= 20 * float(market.lot)  # a candle of fewer lots than trades is rounded up to one each
    np.testing.assert_allclose(made[busy, 5] * float(market.lot), wanted["volume"][busy], rtol=1e-9)
