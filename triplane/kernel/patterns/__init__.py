"""Detectors of chart patterns: each a state record and a step, streaming and causal."""
