"""The account at MEXC over REST: assets, positions, leverage, position mode, funding."""

from typing import Any

from triplane.exchange.mexc import views
from triplane.exchange.mexc.account import MexcAccount
from triplane.exchange.mexc.dialect import MexcDialect
from triplane.exchange.mexc.errors import MexcRejected, reject_if
from triplane.exchange.mexc.market import Query, chosen, market_of, paged, whole
from triplane.exchange.positions import MAX_LEVERAGE, largest
from triplane.exchange.rules import MAKER_FEE, TAKER_FEE


def assets(_mexc: MexcDialect, a: MexcAccount, _q: Query) -> Any:
    """GET account/assets."""
    return [views.asset(a)]


def asset(_mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """GET account/asset/{currency}."""
    reject_if(q["arguments"][0] != "USDT", 600)
    return views.asset(a)


def fee_rate(_mexc: MexcDialect, _a: MexcAccount, _q: Query) -> Any:
    """GET account/tiered_fee_rate."""
    rates = {"makerFee": views.num(MAKER_FEE), "takerFee": views.num(TAKER_FEE)}
    return {"level": 0, "dealAmount": 0, "walletBalance": 0, **rates, "makerFeeDiscount": 1, "takerFeeDiscount": 1}


def positions(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """GET position/open_positions."""
    markets = chosen(mexc, q)
    return [views.position(a, side, t) for (_, side), t in a.tracks.items() if t.market in markets]


def funding_records(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """GET position/funding_records: payments, positive when received, newest first."""
    symbols = [m.symbol for m in chosen(mexc, q)]
    start, end = whole(q, "start_time", 0), whole(q, "end_time", 0) or mexc.x.now
    rows = [
        {
            "id": i.id, "symbol": views.name_of(mexc.x.markets[i.symbol]), "positionType": 1 if i.amount < 0 else 2,
            "positionValue": views.num(abs(i.amount) / views.FUNDING), "funding": views.num(i.amount),
            "rate": views.num(views.FUNDING), "settleTime": i.time,
        }
        for i in reversed(a.income)
        if i.kind == "FUNDING_FEE" and i.symbol in symbols and start <= i.time <= end
    ]  # fmt: skip
    return paged(q, rows)


def get_leverage(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """GET position/leverage: of longs and shorts."""
    m = market_of(mexc, q.get("symbol"))
    config, rate = a.config(m.symbol), m.instrument.maintenance_margin
    row = {"level": 1, "imr": 1 / config.leverage, "mmr": rate, "leverage": config.leverage}
    return [row | {"positionType": kind, "openType": 1 if config.isolated else 2} for kind in (1, 2)]


def set_leverage(mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """POST position/change_leverage: of an open position, or of a symbol without one."""
    leverage, number = whole(q, "leverage", 0), whole(q, "positionId", 0)
    reject_if(not 1 <= leverage <= MAX_LEVERAGE, 2006)
    held = {t.id: t.market for t in a.tracks.values()}
    if number:
        reject_if(number not in held, 2009)
        market = held[number]
    else:
        market = market_of(mexc, q.get("symbol"))
        reject_if(whole(q, "openType", 0) not in (1, 2) or whole(q, "positionType", 0) not in (1, 2), 600)
    config, busy = a.config(market.symbol), market in held.values()
    if busy and any(abs(p.notional) > largest(market, leverage) for p in a.positions.values() if p.market is market):
        raise MexcRejected(2023)
    if not busy and not any(o.request.market is market for o in a.open.values()) and not number:
        config.isolated = whole(q, "openType", 0) == 1
    config.leverage = leverage


def get_mode(_mexc: MexcDialect, a: MexcAccount, _q: Query) -> Any:
    """GET position/position_mode: 1 hedge, 2 one-way."""
    return 1 if a.hedge else 2


def set_mode(_mexc: MexcDialect, a: MexcAccount, q: Query) -> Any:
    """POST position/change_position_mode: not with anything open."""
    mode = whole(q, "positionMode", 0)
    reject_if(mode not in (1, 2), 600)
    reject_if(a.hedge != (mode == 1) and (a.positions or a.open or any(p.open for p in a.algos.values())), 7002)
    a.hedge = mode == 1
