"""Binance spot on the markets of the exchange in a box: balances instead of positions.

Markets, trades and the fill rules are shared with the futures; accounts, orders, limits and sockets are separate.
:class:`triplane.exchange.spot.dialect.SpotDialect` is all of it. User data comes through the WebSocket API only; the
REST listen key no longer exists, as at the real exchange.
"""
