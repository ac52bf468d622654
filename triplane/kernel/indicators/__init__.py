"""Classic indicators, one state record and one compiled step each.

``X`` is the record, ``x_init(s, ...)`` sets its parameters and empties it, ``x_step(s, ...)`` takes one candle (or one
value) and returns the newest value, NaN until warm. Everything is causal, O(1) per candle (amortised) and flat, so a
checkpoint is ``tobytes`` and the same step runs in every place. Smoothing, seeding and warm-up are TA-Lib's where it
has the indicator. Windows are at most :data:`~triplane.kernel.indicators.moving.MAX_WINDOW` long; ``x_init`` refuses a
longer one, which would be written past the end of its ring.
"""
