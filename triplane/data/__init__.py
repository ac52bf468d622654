"""Candles in: files, a generated market and exchanges, all behind one feed interface."""
