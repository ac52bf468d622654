"""Run every benchmark, or those named: ``python -m benchmarks core engine``."""

import importlib
import sys

NAMES = ("core", "engine", "indicators", "patterns", "analysis", "repaint")


def main() -> None:
    """Run them one after the other; nothing else should run on the machine meanwhile."""
    for name in sys.argv[1:] or NAMES:
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
