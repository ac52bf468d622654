"""For every strategy: nothing is known early, chunks do not matter, and a saved state goes on as if never stopped."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triplane.kernel.codes import RowKind
from triplane.kernel.records import ACCOUNT

STRATEGIES = ("retest_analyzer", "smc_heuristic", "regime_trend", "ict_blocks", "confluence")
BUSY = {
    "ict_blocks": {"gap": 1, "min_strength": 1.0},
    "regime_trend": {"need_all": 0, "min_confidence": 0.3},
    "confluence": {"threshold": 0.5, "trend_need_all": 0},
}
"""Parameters with which something happens on every market."""

quick = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("name", STRATEGIES)
@quick
@given(cut=st.integers(1, 5999))
def test_a_longer_future_changes_no_row(name: str, cut: int, generated: Any, start: Any, run: Any) -> None:
    whole = run(name, generated, *start(name, **BUSY.get(name, {})), 0, len(generated))
    part = run(name, generated, *start(name, **BUSY.get(name, {})), 0, cut)

    assert (whole["kind"] == RowKind.TRADE).sum() > 5  # trades: something did happen
    known = whole[whole["time"] <= generated["open_time"][cut - 1] + 60_000]
    assert known.tobytes() == part.tobytes()


@pytest.mark.parametrize("name", STRATEGIES)
@quick
@given(cuts=st.lists(st.integers(0, 6000), max_size=5))
def test_chunks_and_saved_states_change_nothing(
    name: str, cuts: list[int], generated: Any, start: Any, run: Any
) -> None:
    account, states = start(name, **BUSY.get(name, {}))
    whole = run(name, generated, account, states, 0, len(generated))
    begin = start(name, **BUSY.get(name, {}))
    saved, dtype, parts, at = (begin[0].tobytes(), begin[1].tobytes()), begin[1].dtype, [], 0
    for cut in [*sorted(cuts), len(generated)]:
        a, s = np.frombuffer(bytearray(saved[0]), ACCOUNT), np.frombuffer(bytearray(saved[1]), dtype)
        parts.append(run(name, generated, a, s, at, cut))
        saved, at = (a.tobytes(), s.tobytes()), cut

    assert np.concatenate(parts).tobytes() == whole.tobytes()
    assert saved[0] == account.tobytes()
    assert saved[1] == states.tobytes()


DATA = Path(__file__).parents[4] / "shared" / "data" / "klines" / "usdm" / "1m_2025-05" / "BTCUSDT-1m.parquet"


@pytest.mark.skipif(not DATA.exists(), reason="the shared market data is not here")
@pytest.mark.parametrize("name", STRATEGIES)
def test_a_longer_future_changes_no_row_of_a_real_market(name: str, start: Any, run: Any) -> None:
    from triplane.data.recorded import open_recorded

    market = open_recorded(DATA).candles[:20_000]
    whole = run(name, market, *start(name, **BUSY.get(name, {})), 0, len(market))
    assert (whole["kind"] == RowKind.TRADE).sum() > 10
    for cut in (1, 777, 5000, 13_331, 19_999):
        part = run(name, market, *start(name, **BUSY.get(name, {})), 0, cut)
        assert whole[whole["time"] <= market["open_time"][cut - 1] + 60_000].tobytes() == part.tobytes()
