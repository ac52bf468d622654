"""The events of the user data stream.

``E`` and ``T`` are market time.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from triplane.exchange.orders import SIDES, AlgoOrder, FuturesOrder

if TYPE_CHECKING:
    from triplane.exchange.account import FuturesAccount, FuturesFill, MarginPosition

Event = dict[str, Any]


def order_update(
    order: FuturesOrder, execution: str, now: int, fill: "FuturesFill | None" = None, reason: str = "0"
) -> Event:
    """ORDER_TRADE_UPDATE with the execution type NEW, TRADE, CALCULATED, CANCELED, EXPIRED or AMENDMENT."""
    r, m = order.request, order.request.market
    body: Event = {
        "s": m.symbol,
        "c": r.client_id,
        "S": SIDES[r.side],
        "o": order.shown_type,
        "f": r.tif,
        "q": m.quantity(r.lots),
        "p": m.price(r.price),
        "ap": order.average(),
        "sp": m.price(r.trigger),
        "x": execution,
        "X": order.status,
        "i": order.id,
        "l": m.quantity(fill.lots if fill else 0),
        "z": m.quantity(order.filled),
        "L": m.price(fill.ticks if fill else 0),
        "T": now,
        "t": fill.id if fill else 0,
        "b": "0",
        "a": "0",
        "m": fill.maker if fill else False,
        "R": r.reduce_only,
        "wt": r.working_type,
        "ot": r.type,
        "ps": r.position_side,
        "cp": r.close_position,
        "pP": r.price_protect,
        "si": 0,
        "ss": 0,
        "rp": format(fill.realized if fill else Decimal(0), "f"),
        "V": r.stp,
        "pm": r.price_match,
        "gtd": r.good_till,
        "er": reason,
    }
    if fill:
        body |= {"N": "USDT", "n": format(fill.fee, "f")}
    if r.type == "TRAILING_STOP_MARKET":
        body |= {"AP": m.price(r.activate), "cr": format(r.callback, "f")}
    return {"e": "ORDER_TRADE_UPDATE", "E": now, "T": now, "o": body}


def trade_lite(fill: "FuturesFill") -> Event:
    """TRADE_LITE: the same fill once more, early and short."""
    r, m = fill.order.request, fill.order.request.market
    return {
        "e": "TRADE_LITE",
        "E": fill.time,
        "T": fill.time,
        "s": m.symbol,
        "q": m.quantity(r.lots),
        "p": m.price(r.price),
        "m": fill.maker,
        "c": r.client_id,
        "S": SIDES[r.side],
        "L": m.price(fill.ticks),
        "l": m.quantity(fill.lots),
        "t": fill.id,
        "i": fill.order.id,
    }


def account_update(
    account: "FuturesAccount", reason: str, keys: list[tuple[str, str]], change: Decimal, now: int, realized: Decimal
) -> Event:
    """ACCOUNT_UPDATE: the wallet and the positions named by symbol and side, flat ones too.

    ``change`` is what the wallet gained except by profit and fees.
    """
    wallet = {
        "a": "USDT",
        "wb": format(account.wallet, "f"),
        "cw": format(account.cross_wallet, "f"),
        "bc": format(change, "f"),
    }
    rows = [_position(account, symbol, side, realized) for symbol, side in keys]
    return {"e": "ACCOUNT_UPDATE", "E": now, "T": now, "a": {"m": reason, "B": [wallet], "P": rows}}


def _position(account: "FuturesAccount", symbol: str, side: str, realized: Decimal) -> Event:
    position = account.position(symbol, side)
    entry = format(position.entry, "f") if position else "0"
    return {
        "s": symbol,
        "pa": format(position.quantity, "f") if position else "0",
        "ep": entry,
        "bep": entry,
        "cr": format(position.realized if position else realized, "f"),
        "up": format(position.unrealized, "f") if position else "0",
        "mt": "isolated" if account.config(symbol).isolated else "cross",
        "iw": format(position.isolated, "f") if position else "0",
        "ps": side,
    }


def algo_update(algo: AlgoOrder, now: int) -> Event:
    """ALGO_UPDATE; the child's id is an empty text until there is a child."""
    r, m, child = algo.request, algo.request.market, algo.child
    body: Event = {
        "caid": r.client_id,
        "aid": algo.id,
        "at": "CONDITIONAL",
        "o": r.type,
        "s": m.symbol,
        "S": SIDES[r.side],
        "ps": r.position_side,
        "f": r.tif,
        "q": m.quantity(r.lots),
        "X": algo.status,
        "ai": str(child.id) if child else "",
        "tp": m.price(r.trigger),
        "p": m.price(r.price),
        "V": r.stp,
        "wt": r.working_type,
        "pm": r.price_match,
        "cp": r.close_position,
        "pP": r.price_protect,
        "R": r.reduce_only,
        "tt": algo.triggered,
        "gtd": r.good_till,
    }
    if algo.status != "TRIGGERING":
        body["ap"] = child.average() if child else "0.00000"
        body["aq"] = m.quantity(child.filled) if child else "0.00000"
        body["act"] = child.shown_type if child else "0"
    if algo.reason:
        body["rm"] = algo.reason
    return {"e": "ALGO_UPDATE", "T": now, "E": now, "o": body}


def trigger_reject(algo: AlgoOrder, now: int) -> Event:
    """CONDITIONAL_ORDER_TRIGGER_REJECT: it was triggered and its order refused."""
    body = {"s": algo.request.market.symbol, "i": algo.id, "r": algo.reason}
    return {"e": "CONDITIONAL_ORDER_TRIGGER_REJECT", "E": now, "T": now, "or": body}


def margin_call(account: "FuturesAccount", positions: list["MarginPosition"], now: int) -> Event:
    """MARGIN_CALL: these positions are near their liquidation."""
    rows = [
        {
            "s": p.market.symbol,
            "ps": p.side,
            "pa": format(p.quantity, "f"),
            "mt": "ISOLATED" if account.is_isolated(p) else "CROSSED",
            "iw": format(p.isolated, "f"),
            "mp": p.market.price(p.market.last),
            "up": format(p.unrealized, "f"),
            "mm": format(account.maintenance(p), "f"),
        }
        for p in positions
    ]
    return {"e": "MARGIN_CALL", "E": now, "cw": format(account.cross_wallet, "f"), "p": rows}


def leverage_update(symbol: str, leverage: int, now: int) -> Event:
    """ACCOUNT_CONFIG_UPDATE: the leverage of a symbol changed."""
    return {"e": "ACCOUNT_CONFIG_UPDATE", "E": now, "T": now, "ac": {"s": symbol, "l": leverage}}


def listen_key_expired(key: str, now: int) -> Event:
    """The listenKeyExpired event."""
    return {"e": "listenKeyExpired", "E": now, "listenKey": key}
