"""The decision core in candles a second: whole strategies with risk and broker, against a rule in plain Python."""

import numpy as np

from benchmarks.timing import best, peak_memory_mb, rate, table
from triplane.data.generator import generate
from triplane.data.instruments import Instrument
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.kernel.records import CANDLE
from triplane.kernel.rows import OUTBOX
from triplane.model.settings import PLAIN
from triplane.strategies.compiler import compile_strategies, compile_strategy
from triplane.strategies.core import Part
from triplane.strategies.registry import find, source_of

YEAR = 525_600
START = 1_735_689_600_000


def loop(name: str, candles, quantity_lots: int, timeframe_ms: int):
    """A callable that runs a strategy over all candles, and one that says how many trades there were."""
    strategy = find(name)
    core = compile_strategy(strategy, source_of(name))
    instrument = Instrument.research("BTCUSDT")
    out = np.zeros(1, OUTBOX)
    curve, which = np.zeros(len(candles)), np.zeros(len(candles), np.int64)
    last = {}

    def run() -> None:
        account, states = core.new(
            [instrument],
            costs=CostSettings(**PLAIN if quantity_lots else {}).to_record(),
            limits=TradingSettings().to_record(quantity_lots),
            params=strategy.resolve({}),
            base_ms=60_000,
            timeframe_ms=timeframe_ms,
            balance=1e9 if quantity_lots else 10_000.0,  # a lost account would trade no more
        )
        at = 0
        while at < len(candles):
            at = core.run(account, states, which, candles, out, curve, at)
            account["n_out"] = 0
        last["trades"] = int(account[0]["trades"])

    return run, last


MARKETS, EACH = 16, 50_000
SLEEVES = (("ema_cross", 60_000), ("ict_blocks", 900_000))


def portfolio():
    """A callable that runs two strategies on sixteen markets and one account, and what it says of its trades."""
    parts = [(find(name), source_of(name)) for name, _ in SLEEVES]
    core = compile_strategies(parts)
    rules = [Instrument.research(f"S{m}USDT") for m in range(MARKETS)]
    sleeves = [
        Part(rules, range(MARKETS), strategy.resolve({}), timeframe, strategy=i)
        for i, ((strategy, _), (_, timeframe)) in enumerate(zip(parts, SLEEVES, strict=True))
    ]
    candles = np.stack([generate(seed=m, start_ms=START, n=EACH) for m in range(MARKETS)], axis=1).reshape(-1)
    which = np.tile(np.arange(MARKETS * len(SLEEVES)), EACH)
    candles = np.ascontiguousarray(np.tile(candles.reshape(EACH, MARKETS), len(SLEEVES)).reshape(-1)).view(CANDLE)
    out, curve, last = np.zeros(1, OUTBOX), np.zeros(len(candles)), {}

    def run() -> None:
        account, states = core.assemble(
            sleeves, costs=CostSettings().to_record(), limits=TradingSettings().to_record(0), base_ms=60_000,
            balance=10_000.0,
        )  # fmt: skip
        at = 0
        while at < len(candles):
            at = core.run(account, states, which, candles, out, curve, at)
            account["n_out"] = 0
        last["trades"] = int(account[0]["trades"])

    return run, last


def plain_python(candles) -> int:
    """``ema_cross`` as one would write it in a loop; returns the number of trades."""
    fast = slow = atr = total = 0.0
    above, position, order, trades = False, None, None, 0
    previous = 0.0
    for t, (_, o, h, low, c, _) in enumerate(candles.tolist()):
        if order == "exit" and position:
            position, trades = None, trades + 1
        elif order and order != "exit":
            position = (o - 2 * order, o + 3 * order)
        order = None
        if position and (low <= position[0] or h >= position[1]):
            position, trades = None, trades + 1
        total += c
        fast = total / (t + 1) if t < 20 else fast + (c - fast) * 2 / 21
        slow = total / (t + 1) if t < 50 else slow + (c - slow) * 2 / 51
        span = max(h, previous) - min(low, previous) if t else 0.0
        atr = (atr * 13 + span) / 14 if t > 14 else atr + span / 14
        previous = c
        now = t >= 50 and fast > slow
        if t >= 100 and now and not above and not position:
            order = atr
        elif t >= 100 and above and not now and position:
            order = "exit"
        above = now
    return trades


def main() -> None:
    """Print the table."""
    candles = np.ascontiguousarray(generate(seed=1, start_ms=START, n=YEAR)).view(CANDLE)
    rows = []
    small = candles[:50_000]
    python_seconds = best(lambda: plain_python(small), 2) / len(small)
    for label, name, lots, timeframe in (
        ("ema_cross, fixed quantity, broker included", "ema_cross", 10**8, 60_000),
        ("ema_cross, default risk profile", "ema_cross", 0, 60_000),
        ("ict_blocks on 1m, default risk profile", "ict_blocks", 0, 60_000),
        ("ict_blocks on 15m from 1m, default risk profile", "ict_blocks", 0, 900_000),
        ("confluence (four agents) on 1m, default risk profile", "confluence", 0, 60_000),
    ):
        run, last = loop(name, candles, lots, timeframe)
        run()
        seconds = best(run)
        ratio = python_seconds * YEAR / seconds
        rows.append((label, rate(YEAR, seconds), f"{seconds / YEAR * 1e9:.1f} ns", last["trades"], f"{ratio:,.0f} ×"))
    run, last = portfolio()
    run()
    seconds, count = best(run), MARKETS * EACH
    label = "16 markets × 2 strategies (ema_cross 1m, ict_blocks 15m), candles of a market counted once"
    ratio = python_seconds * count / seconds
    rows.append((label, rate(count, seconds), f"{seconds / count * 1e9:.1f} ns", last["trades"], f"{ratio:,.0f} ×"))
    rows.append(
        ("ema_cross in plain Python, no broker", rate(1, python_seconds), f"{python_seconds * 1e9:.0f} ns", "", "1 ×")
    )
    table(
        "Decision core, 525,600 one-minute candles",
        ("what", "candles", "per candle", "trades", "against plain Python"),
        rows,
    )
    print(f"\nPeak memory of the process: {peak_memory_mb():.0f} MB")


if __name__ == "__main__":
    main()
