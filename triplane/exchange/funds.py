"""The account over REST: balances, positions, settings, income, listen key."""

from decimal import Decimal
from typing import Any, Final

from triplane.exchange import order_views as events
from triplane.exchange.account import FuturesAccount, total
from triplane.exchange.errors import reject_if
from triplane.exchange.exchange import Exchange
from triplane.exchange.market import Market
from triplane.exchange.params import Params
from triplane.exchange.positions import MAX_LEVERAGE, ZERO, MarginPosition, brackets_of, largest
from triplane.exchange.public import chosen
from triplane.exchange.rules import MAKER_FEE, TAKER_FEE

SUCCESS: Final = {"code": 200, "msg": "success"}


def _text(value: Decimal) -> str:
    return format(value.quantize(Decimal("0.00000001")), "f")


def _used(a: FuturesAccount) -> Decimal:
    return total(a.initial(p) for p in a.positions.values())


# -------------------------------------------------------------------------------------------------------- balances
def _asset(x: Exchange, a: FuturesAccount) -> dict[str, Any]:
    maintenance = total(a.maintenance(p) for p in a.positions.values())
    available = _text(a.available)
    return {
        "asset": "USDT", "walletBalance": _text(a.wallet), "unrealizedProfit": _text(a.unrealized),
        "marginBalance": _text(a.wallet + a.unrealized), "maintMargin": _text(maintenance),
        "initialMargin": _text(_used(a) + a.reserved), "positionInitialMargin": _text(_used(a)),
        "openOrderInitialMargin": _text(a.reserved), "crossWalletBalance": _text(a.cross_wallet),
        "crossUnPnl": _text(a.cross_unrealized), "availableBalance": available, "maxWithdrawAmount": available,
        "marginAvailable": True, "updateTime": x.now,
    }  # fmt: skip


def balance(x: Exchange, a: FuturesAccount, _p: Params) -> Any:
    """GET balance."""
    row = _asset(x, a)
    names = ("asset", "crossWalletBalance", "crossUnPnl", "availableBalance", "maxWithdrawAmount", "marginAvailable")
    out = {name: row[name] for name in names}
    return [{"accountAlias": "Box", "balance": row["walletBalance"], **out, "updateTime": x.now}]


def _totals(x: Exchange, a: FuturesAccount) -> dict[str, Any]:
    row = _asset(x, a)
    ends = ("Margin", "Balance", "Profit", "UnPnl")
    sums = [name for name in row if name.endswith(ends) and name != "availableBalance"]
    out = {f"total{name[0].upper()}{name[1:]}": row[name] for name in sums}
    return out | {name: row[name] for name in ("availableBalance", "maxWithdrawAmount")} | {"assets": [row]}


def _sides(a: FuturesAccount) -> tuple[str, ...]:
    return ("LONG", "SHORT") if a.hedge else ("BOTH",)


def account_v2(x: Exchange, a: FuturesAccount, _p: Params) -> Any:
    """GET v2/account: with every symbol's position, flat ones too."""
    rows = [_position(a, m, side, _ACCOUNT_V2) for m in x.markets.values() for side in _sides(a)]
    return account_config(x, a, _p) | {"feeBurn": False} | _totals(x, a) | {"positions": rows}


def account_v3(x: Exchange, a: FuturesAccount, _p: Params) -> Any:
    """GET v3/account: with the open positions."""
    rows = [_position(a, p.market, p.side, _ACCOUNT_V3) for p in a.positions.values()]
    return _totals(x, a) | {"positions": rows}


# -------------------------------------------------------------------------------------------------------- positions
_BOTH: Final = "symbol positionSide positionAmt notional isolatedWallet updateTime "
_ACCOUNT: Final = _BOTH + "initialMargin maintMargin unrealizedProfit "
_ACCOUNT_V3: Final = _ACCOUNT + "isolatedMargin"
_ACCOUNT_V2: Final = (
    _ACCOUNT + "positionInitialMargin openOrderInitialMargin leverage isolated entryPrice breakEvenPrice maxNotional"
    " bidNotional askNotional"
)  # fmt: skip
_RISK: Final = _BOTH + "entryPrice breakEvenPrice markPrice unRealizedProfit liquidationPrice isolatedMargin "
_RISK_V2: Final = _RISK + "leverage maxNotionalValue marginType isAutoAddMargin"
_RISK_V3: Final = (
    _RISK + "marginAsset initialMargin positionInitialMargin maintMargin openOrderInitialMargin adl bidNotional"
    " askNotional"
)  # fmt: skip


def _position(a: FuturesAccount, m: Market, side: str, names: str) -> dict[str, Any]:
    """A position, maybe a flat one, with the fields of one of the endpoints."""
    p, config = a.positions.get((m.symbol, side)) or MarginPosition(m, side), a.config(m.symbol)
    initial, entry, gain = _text(a.initial(p)), _text(p.entry), _text(p.unrealized)
    most, none = format(largest(m, config.leverage), "f"), "0"
    row = {
        "symbol": m.symbol, "positionSide": side, "positionAmt": format(p.quantity, "f"),
        "notional": _text(p.notional), "entryPrice": entry, "breakEvenPrice": entry,
        "markPrice": _text(m.last * m.tick), "unrealizedProfit": gain, "unRealizedProfit": gain,
        "liquidationPrice": _text(a.liquidation_price(p)) if p.lots else none, "isolatedWallet": _text(p.isolated),
        "isolatedMargin": _text(p.isolated + p.unrealized if config.isolated else ZERO), "initialMargin": initial,
        "positionInitialMargin": initial, "maintMargin": _text(a.maintenance(p)), "openOrderInitialMargin": none,
        "bidNotional": none, "askNotional": none, "leverage": str(config.leverage), "isolated": config.isolated,
        "marginType": "isolated" if config.isolated else "cross", "isAutoAddMargin": "false", "maxNotional": most,
        "maxNotionalValue": most, "marginAsset": "USDT", "adl": 1, "updateTime": p.updated,
    }  # fmt: skip
    return {name: row[name] for name in names.split()}


def position_risk_v2(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """GET v2/positionRisk: every symbol."""
    return [_position(a, m, side, _RISK_V2) for m in chosen(x, p) for side in _sides(a)]


def position_risk_v3(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """GET v3/positionRisk: symbols with a position or a working order."""
    keys = dict.fromkeys([*a.positions, *(order.request.key for order in a.open.values())])
    markets = chosen(x, p)
    return [_position(a, x.markets[name], side, _RISK_V3) for name, side in keys if x.markets[name] in markets]


# -------------------------------------------------------------------------------------------------------- settings
def _has_orders(a: FuturesAccount, symbol: str | None = None) -> bool:
    working = [o.request for o in a.open.values()] + [o.request for o in a.algos.values() if o.open]
    return any(symbol in (None, r.market.symbol) for r in working)


def set_leverage(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """POST leverage."""
    market, leverage = p.of_symbol(x.markets), p.integer("leverage") or 0
    reject_if(not 1 <= leverage <= MAX_LEVERAGE, -4028, leverage)
    held = [q for q in a.positions.values() if q.market is market]
    reject_if(any(abs(q.notional) > largest(market, leverage) for q in held), -2027)
    config = a.config(market.symbol)
    reject_if(config.isolated and held and leverage < config.leverage, -2028)
    changed, config.leverage = leverage != config.leverage, leverage
    if changed:
        x.emit(a, events.leverage_update(market.symbol, leverage, x.now))
    most = format(largest(market, leverage), "f")
    return {"leverage": leverage, "maxNotionalValue": most, "symbol": market.symbol}


def set_margin_type(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """POST marginType."""
    market = p.of_symbol(x.markets)
    wanted = p.required("marginType")
    reject_if(wanted not in ("ISOLATED", "CROSSED"), -1130, "marginType")
    config = a.config(market.symbol)
    reject_if(config.isolated == (wanted == "ISOLATED"), -4046)
    reject_if(_has_orders(a, market.symbol), -4047)
    reject_if(any(symbol == market.symbol for symbol, _ in a.positions), -4048)
    config.isolated = wanted == "ISOLATED"
    return SUCCESS


def get_mode(_x: Exchange, a: FuturesAccount, _p: Params) -> Any:
    """GET positionSide/dual."""
    return {"dualSidePosition": a.hedge}


def set_mode(_x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """POST positionSide/dual."""
    p.required("dualSidePosition")
    wanted = p.flag("dualSidePosition")
    reject_if(wanted == a.hedge, -4059)
    reject_if(_has_orders(a), -4067)
    reject_if(a.positions, -4068)
    a.hedge = wanted
    return SUCCESS


def multi_assets(_x: Exchange, _a: FuturesAccount, _p: Params) -> Any:
    """GET multiAssetsMargin: there is one asset."""
    return {"multiAssetsMargin": False}


def leverage_brackets(x: Exchange, _a: FuturesAccount, p: Params) -> Any:
    """GET leverageBracket."""

    def show(m: Market) -> list[dict[str, Any]]:
        return [
            {
                "bracket": b.number, "initialLeverage": b.leverage, "notionalCap": int(b.cap),
                "notionalFloor": int(b.floor), "maintMarginRatio": float(b.rate), "cum": float(b.cum),
            }
            for b in brackets_of(m)
        ]  # fmt: skip

    return [{"symbol": m.symbol, "notionalCoef": 1.0, "brackets": show(m)} for m in chosen(x, p)]


def account_config(_x: Exchange, a: FuturesAccount, _p: Params) -> dict[str, Any]:
    """GET accountConfig."""
    return {
        "feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": a.can_withdraw, "dualSidePosition": a.hedge,
        "updateTime": 0, "multiAssetsMargin": False, "tradeGroupId": -1,
    }  # fmt: skip


def symbol_config(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """GET symbolConfig."""
    rows = []
    for m in chosen(x, p):
        config = a.config(m.symbol)
        kind, most = "ISOLATED" if config.isolated else "CROSSED", format(largest(m, config.leverage), "f")
        row = {"symbol": m.symbol, "marginType": kind, "isAutoAddMargin": False, "leverage": config.leverage}
        rows.append(row | {"maxNotionalValue": most})
    return rows


def commission_rate(x: Exchange, _a: FuturesAccount, p: Params) -> Any:
    """GET commissionRate."""
    rates = {"makerCommissionRate": format(MAKER_FEE, "f"), "takerCommissionRate": format(TAKER_FEE, "f")}
    return {"symbol": p.of_symbol(x.markets).symbol, **rates, "rpiCommissionRate": "0"}


def income(x: Exchange, a: FuturesAccount, p: Params) -> Any:
    """GET income."""
    start = p.integer("startTime", x.now - 7 * 86_400_000) or 0
    end, symbol, kind = p.integer("endTime", x.now) or x.now, p.get("symbol"), p.get("incomeType")
    rows = [
        {
            "symbol": i.symbol, "incomeType": i.kind, "income": format(i.amount, "f"), "asset": "USDT", "info": i.kind,
            "time": i.time, "tranId": i.id, "tradeId": i.trade,
        }
        for i in a.income
        if start <= i.time <= end and symbol in (None, i.symbol) and kind in (None, i.kind)
    ]  # fmt: skip
    limit, page = p.limit(100, 1000), p.integer("page", 1) or 1
    return rows[(page - 1) * limit : page * limit]


def restrictions(_x: Exchange, a: FuturesAccount, _p: Params) -> Any:
    """GET /sapi/v1/account/apiRestrictions."""
    no = ("ipRestrict", "enableInternalTransfer", "permitsUniversalTransfer", "enableVanillaOptions", "enableMargin",
          "enablePortfolioMarginTrading", "enableFixApiTrade")  # fmt: skip
    yes = ("enableReading", "enableFutures", "enableSpotAndMarginTrading")
    more = {"enableWithdrawals": a.can_withdraw, "createTime": 1_735_689_600_000}
    return dict.fromkeys(no, False) | dict.fromkeys(yes, True) | more


# -------------------------------------------------------------------------------------------------------- listen key
def make_listen_key(x: Exchange, a: FuturesAccount, _p: Params) -> Any:
    """POST listenKey: the account's one key."""
    return {"listenKey": x.listen_key(a)}


def keep_listen_key(x: Exchange, a: FuturesAccount, _p: Params) -> Any:
    """PUT listenKey."""
    reject_if(a.key not in x.listen_keys, -1125)
    return {"listenKey": x.listen_key(a)}


def close_listen_key(x: Exchange, a: FuturesAccount, _p: Params) -> Any:
    """DELETE listenKey: ends it for everybody who uses the account."""
    key, _ = x.listen_keys.pop(a.key, ("", 0))
    x.hub.users.pop(key, None)
    return {}
