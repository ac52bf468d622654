"""What holds for every market and every sequence of signals and commands, at every candle."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triplane.data.instruments import Instrument
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.kernel.codes import CommandKind, Leg, RowKind
from triplane.kernel.inputs import VIEWS
from triplane.kernel.inputs import command as make_command
from triplane.kernel.records import CANDLE
from triplane.kernel.rows import OUTBOX, of_kind
from triplane.strategies.base import Bar, Close, Enter, PythonStrategy, View
from triplane.strategies.python_core import PythonCore

MINUTE = 60_000
INSTRUMENT = Instrument.from_dict({**Instrument.research("BTCUSDT").to_dict(), "tick_size": "0.1", "lot_size": "0.001"})


@st.composite
def markets(draw: Any) -> Any:
    """A random walk on the tick grid, with gaps and wide candles."""
    n = draw(st.integers(5, 60))
    seed = draw(st.integers(0, 2**32 - 1))
    width = draw(st.sampled_from([3, 15, 60]))
    rng = np.random.default_rng(seed)
    close = 1000 + np.cumsum(rng.integers(-width, width + 1, n))
    close = np.maximum(close, 200)
    opened = np.maximum(np.roll(close, 1) + rng.integers(-width, width + 1, n) * (rng.random(n) < 0.3), 150)
    out = np.zeros(n, CANDLE)
    out["open_time"] = np.arange(n) * MINUTE
    out["open"], out["close"] = opened / 10, close / 10
    out["high"] = (np.maximum(opened, close) + rng.integers(0, width, n)) / 10
    out["low"] = (np.minimum(opened, close) - rng.integers(0, min(width, 60), n)) / 10
    out["volume"] = 1.0
    return out


@st.composite
def orders(draw: Any) -> Enter | Close | None:
    """Any signal a strategy might give, sensible or not."""
    kind = draw(st.sampled_from(["none", "close", "enter", "enter", "enter"]))
    if kind != "enter":
        return Close() if kind == "close" else None
    entry_type = draw(st.sampled_from(["market", "limit", "stop_market"]))
    return Enter(
        side=draw(st.sampled_from([1, -1])),
        entry_type=entry_type,
        entry=None if entry_type == "market" else draw(st.integers(800, 1200)) / 10,
        stop_distance=draw(st.sampled_from([0.0, 0.05, 1.0, 8.0])),
        target_distances=draw(st.lists(st.sampled_from([0.5, 1.0, 3.0, 9.0]), max_size=3).map(sorted)),
        fractions=draw(st.sampled_from([[], [0.0], [0.9], [0.3, 0.3], [0.9, 0.0, 0.1], [0.3, 0.0, 0.3]])),
        trail_distance=draw(st.sampled_from([0.0, 0.0, 2.0])),
        ttl_bars=draw(st.integers(0, 4)),
    )


COMMANDS = st.dictionaries(
    st.integers(0, 60),
    st.sampled_from(
        [
            CommandKind.CLOSE,
            CommandKind.CANCEL,
            CommandKind.MARKET,
            CommandKind.HALT,
            CommandKind.RESUME,
            CommandKind.FUNDING_RATE,
        ]
    ),
    max_size=4,
)


class Runner:
    """A core that answers bar ``i`` with ``script[i]``."""

    def __init__(self, script: list[Any], quantity: int, leverage: float) -> None:
        class Scripted(PythonStrategy):
            name = "scripted"

            def on_bar(self, bar: Bar, view: View) -> Enter | Close | None:
                return script[view.bar % len(script)]

        self.core = PythonCore([(Scripted, Path(__file__))])
        self.A, self.S = self.core.new(
            [INSTRUMENT],
            costs=CostSettings(slippage=0.0005, leverage=leverage).to_record(),
            limits=TradingSettings(
                cooldown_bars=0, max_trades_day=1000, max_symbol_share=10, max_position_share=0.5
            ).to_record(quantity),
            params={},
            base_ms=MINUTE,
            timeframe_ms=MINUTE,
            balance=10_000.0,
        )
        self.out = np.zeros(1, OUTBOX)

    def take(self, market: Any, i: int, command: CommandKind | None) -> Any:
        self.A["n_out"] = 0
        self.core.on_moment(self.A, self.S, np.zeros(1, np.int64), market[i : i + 1], self.out)
        if command is not None:
            price = market[i]["close"] if i % 2 else 0.0
            known = {"price": price} if "price" in (VIEWS[command].names or ()) else {}
            if command == CommandKind.FUNDING_RATE:
                known = {"rate": 0.001 * (i % 3 - 1), "mark": price}
            cmd = make_command(command, market[i]["open_time"] + MINUTE, **known)
            self.core.on_command(self.A, self.S, 0, cmd, self.out)
        return self.out[0]["rows"][: self.A[0]["n_out"]].copy()


@settings(max_examples=150, deadline=None)
@given(
    markets(),
    st.lists(orders(), min_size=1, max_size=20),
    COMMANDS,
    st.sampled_from([0, 500]),
    st.sampled_from([1.0, 20.0]),
)
def test_money_and_orders_always_add_up(market, script, commands, quantity, leverage):
    run = Runner(script, quantity, leverage)
    position, rows, cash = 0, [], 10_000.0
    for i in range(len(market)):
        new = run.take(market, i, commands.get(i))
        rows.append(new)
        position += int(sum(r["side"] * r["quantity_lots"] for r in new if r["kind"] == RowKind.FILL))
        for fill in of_kind(new, RowKind.FILL):
            cash -= fill["price_ticks"] / 10 * int(fill["side"] * fill["quantity_lots"]) / 1000 + fill["fee"]
        s, a = run.S[0]["core"], run.A[0]
        worth = market[i]["close"] * position / 1000
        assert a["equity"] == pytest.approx(cash + a["funding"] + worth, abs=1e-6)
        book = s["book"][: s["book_count"]]

        assert s["position"]["lots"] == position
        stops = book[book["leg"] == Leg.STOP]
        targets = book[(book["leg"] > Leg.STOP) & (book["leg"] < Leg.EXIT)]
        if position:
            assert [int(o["quantity_lots"]) for o in stops] == [abs(position)]
            assert all(int(o["side"]) * position < 0 and o["reduce_only"] for o in [*stops, *targets])
            leaving = stops["triggered"].any() or (book["leg"] == Leg.EXIT).any()  # and not done yet: too little volume
            assert leaving or targets["quantity_lots"].sum() in (0, abs(position))
        else:
            assert not len(stops)
            assert not len(targets)
            assert a["used_margin"] == pytest.approx(0.0, abs=1e-9)
        assert np.count_nonzero(book["leg"] == Leg.ENTRY) <= 1
        assert a["open_positions"] == (position != 0)
        assert a["equity"] == pytest.approx(a["balance"] + a["unrealized"])
    everything = np.concatenate(rows)
    placed = everything[everything["kind"] == RowKind.PLACE]["order"]
    assert len(set(placed)) == len(placed)
    trades = of_kind(everything, RowKind.TRADE)
    if position == 0:
        assert run.A[0]["balance"] == pytest.approx(10_000.0 + trades["pnl"].sum(), abs=1e-6)
    assert list(everything["seq"]) == list(range(1, len(everything) + 1))


@settings(max_examples=60, deadline=None)
@given(markets(), st.lists(orders(), min_size=1, max_size=20), st.data())
def test_nothing_is_known_early_and_a_restored_state_goes_on_the_same(market, script, data):
    cut = data.draw(st.integers(1, len(market) - 1))
    whole = Runner(script, 500, 1.0)
    all_rows = [whole.take(market, i, None) for i in range(len(market))]
    prefix = Runner(script, 500, 1.0)
    first = [prefix.take(market[:cut].copy(), i, None) for i in range(cut)]
    restored = Runner(script, 500, 1.0)
    restored.A[:] = np.frombuffer(prefix.A.tobytes(), prefix.A.dtype)
    restored.S[:] = np.frombuffer(prefix.S.tobytes(), prefix.S.dtype)
    rest = [restored.take(market, i, None) for i in range(cut, len(market))]

    assert b"".join(r.tobytes() for r in [*first, *rest]) == b"".join(r.tobytes() for r in all_rows)
