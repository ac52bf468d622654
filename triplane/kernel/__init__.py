"""The decision core: pure compiled steps over flat records. No clock, no I/O, no randomness, no logging."""
