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
      longer than their ring. A limit that a candle left alone rests; stops are triggered at any volume; candles without
      trades fill nothing; impact is one range of the candle at most, and no exit costs more than the margin. A close
      takes over from a part being closed, what has filled in part keeps its rest, what was triggered is not moved; R
      and the furthest stop go by the first stop; a funding inside a candle is charged behind its fills; a weight is a
      share of the final size; at MEXC a position is liquidated at the rate of the risk level that its size is in. A
      symbol's share counts all rows of its market; every bar of a time is shown before the first strategy is asked.
      Signals that contradict themselves are refused: a target on the losing side, a price for a market entry, fractions
      above 1, a confidence outside 0 to 1. A resume counts once for the account, however many rows are resumed.
====  =========================================================================================================
"""

from typing import Final

RULES: Final = 3
