"""Make ``triplane/strategies/regime_model.json`` again: regime models fitted on the generated market.

Usage: ``python scripts/fit_built_in_regime.py``; takes about a minute.
"""

from typing import Any

import orjson

from triplane.data.candles import TIMEFRAMES
from triplane.data.generator import DEMO_START_MS, generate
from triplane.research.regime import FitSettings, fit_regime
from triplane.strategies.regime_model import BUILT_IN_FILE

SEED = 20_250_101
BARS = {"1m": 8000, "5m": 6000, "15m": 6000, "1h": 4000}
ABOUT = (
    "Regime models fitted on Triplane's own generated market (no real one), so that the regime strategies run before "
    "anybody has fitted anything; made by scripts/fit_built_in_regime.py. Fit one on your market: triplane regime fit."
)


def main() -> None:
    """Fit one model for each timeframe, and write them."""
    models: dict[str, Any] = {}
    for name, bars in BARS.items():
        length = TIMEFRAMES[name]
        candles = generate(seed=SEED, start_ms=DEMO_START_MS, n=bars, interval_ms=length)
        values = fit_regime(candles, FitSettings(train=0, starts=4))
        values["fits"][0]["valid_from"] = 0
        models[str(length)] = values
        for state in values["fits"][0]["states"]:
            print(name, {k: v for k, v in state.items() if not isinstance(v, list | dict)})
    BUILT_IN_FILE.write_bytes(
        orjson.dumps({"about": ABOUT, "seed": SEED, "by_timeframe_ms": models}, option=orjson.OPT_INDENT_2) + b"\n"
    )


if __name__ == "__main__":
    main()
