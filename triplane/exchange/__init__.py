"""An exchange in a box: a local server that speaks Binance USDⓈ-M futures, for clients that must not notice.

It replays a recorded or generated market at any speed, keeps accounts exact to the cent, and injects faults by script.
The rules by which an order fills are the kernel's (:mod:`triplane.exchange.rules`); everything else here is protocol.

::

    server ─ rest ─┬─ public                      market data
                   ├─ trading, funds              signed endpoints ─┐
                   └─ control                     control from outside
           streams ◀─ market (trades) ─▶ matching, algo ─▶ account ─▶ events

:class:`triplane.exchange.exchange.Exchange` is all of it without sockets, in one thread and in virtual time if wanted.
Other venues on the same markets are its dialects (:class:`triplane.exchange.dialect.Dialect`): Binance spot is
:mod:`triplane.exchange.spot`, MEXC futures :mod:`triplane.exchange.mexc`.
"""
