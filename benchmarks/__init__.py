"""Speed, measured: ``python -m benchmarks`` prints tables; nothing here is a test and nothing is asserted."""
