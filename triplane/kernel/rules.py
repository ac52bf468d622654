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
3     What the market costs, what a signal may be, and logarithms that are the same on every machine.
====  =========================================================================================================
"""

from typing import Final

RULES: Final = 3
