"""The version of the rules that the core decides by; a journal names the one that made it.

A change of a rule is a new version: a journal of before then cannot be made again, decision for decision, and whoever
checks it says so.

====  =========================================================================================================
1     The first; journals that name none.
2     Candles of one time are taken together: fills, marks, peak, day and limits once, then entries compete by
      confidence. Working entries reserve their place, margin and trade of the day. A halt takes the entries of all
      symbols out at once. What expired in a gap is taken out before it can fill; a resting limit fills at its own
      price. Break-even, trailing and excursions count from the fill. Reduce-only never opens, an entry never nets, and
      a position outlives a halt as one. Stops beyond the liquidation price and signals that make no sense are refused.
3     Funding is charged; large positions are liquidated by their tier; size moves the price and takes no more than
      a share of a candle's volume, so orders fill in parts, and a stop that does takes the rest of the entry out;
      orders wait out whole candles of latency; a halted account fills and places no entry of any symbol; an entry
      is sized at its price on the grid; a command begins the UTC day of its time; an entry waits 24 bars where its
      strategy does not say. Strategies may ask for a weight or a quantity, no target, part of the position, another
      stop or target, and their entry back. Logarithm and exponential are the kernel's own, the same bits on every
      processor. `regime_trend`, and `confluence`'s regime gate, go by the belief in all trending regimes together.
      A jump is bad data only when it comes back on the next candle without volume. A lost account closes what is
      open and ends; a resume after a daily loss keeps the peak. Prices and sizes beyond 2^53 ticks or lots, and
      stops below one tick, are refused; a signal says when a limit made its size smaller; indicators refuse windows
      longer than their ring.
====  =========================================================================================================
"""

from typing import Final

RULES: Final = 3
