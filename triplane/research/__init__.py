"""Research: backtests, and later sweeps and analysis, on the same compiled step that trades."""
