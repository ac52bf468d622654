"""Exchanges: one typed interface (``base``), and an adapter for each behind it."""
