"""MEXC futures in the exchange in a box: the same markets and rules behind that venue's API.

Quantities are contracts (one contract is one lot), symbols are ``BTC_USDT``, sides say whether a position is opened or
closed. Conditional orders are plan orders: they have no client id, end after a day or a week, and become an order of
another id. Each API key has an account of its own here, beside the one it has at Binance.

::

    rest ─┬─ market                       contract/…
          ├─ trading, funds               private/…  ─┐
    edge ─┴─ views ◀── account (what the matching engine says, in pushes) ─┘

What only the real venue could settle is marked "to be confirmed on the real venue".
"""
