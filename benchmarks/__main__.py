"""Run every benchmark, or those named: ``python -m benchmarks core engine``."""

import importlib
import sys

NAMES = (
    "core",
    "backtest",
    "engine",
    "indicators",
    "patterns",
    "analysis",
    "repaint",
    "exchange",
    "execution",
    "sockets",
    "expectancy",
)


def main() -> None:
    """Run them one after the other; nothing else should run on the machine meanwhile."""
    names = sys.argv[1:] or NAMES
    for name in names:
        sys.argv = [f"benchmarks/{name}.py"]  # each has options of its own when it is run alone
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
