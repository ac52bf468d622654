"""Binance spot on the markets of the exchange in a box: balances instead of positions.

The markets, their trades and the rules by which orders fill are those of the futures; accounts, orders, limits and
sockets are its own. :class:`triplane.exchange.spot.venue.Spot` is all of it. User data comes through the WebSocket API
alone; the REST listen key is gone, as at the real exchange.
"""
