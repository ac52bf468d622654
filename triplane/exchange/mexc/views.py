"""Everything that MEXC says, as JSON: numbers are numbers, quantities are contracts, states and sides are codes."""

from decimal import Decimal
from typing import Any, Final

from triplane.exchange.account import AlgoOrder, FuturesFill, FuturesOrder, OrderRequest, shown_type, total
from triplane.exchange.market import INTERVALS as BINANCE_INTERVALS
from triplane.exchange.market import Columns, Kline, Market, MarketTrade
from triplane.exchange.mexc.account import MexcAccount, TrackedPosition
from triplane.exchange.positions import MAX_LEVERAGE, ZERO, MarginPosition
from triplane.exchange.rules import MAKER_FEE, TAKER_FEE, money
from triplane.exchange.views import FUNDING_RATE, next_funding

Json = dict[str, Any]
LIMIT_RATE: Final = Decimal("0.1")
"""How far a limit price may be beyond the fair price."""
FUNDING: Final = Decimal(FUNDING_RATE)
MAX_CONTRACTS: Final = 1_000_000
LEVELS: Final = 50
"""Levels of a book side."""
INTERVALS: Final = {
    "Min1": "1m", "Min5": "5m", "Min15": "15m", "Min30": "30m", "Min60": "1h", "Hour4": "4h", "Hour8": "8h",
    "Day1": "1d", "Week1": "1w",
}  # fmt: skip
_TYPES: Final = {"GTC": 1, "GTX": 2, "IOC": 3, "FOK": 4}
_STATES: Final = {"NEW": 2, "PARTIALLY_FILLED": 2, "FILLED": 3}
_PLAN_STATES: Final = {"NEW": 1, "CANCELED": 2, "EXPIRED": 4, "REJECTED": 5}
_CANCELLED_BY: Final = {"IOC": 18, "FOK": 19, "GTX": 20}
HOUR: Final = 3_600_000


def name_of(market: Market) -> str:
    """A market's symbol here."""
    return market.symbol.removesuffix("USDT") + "_USDT"


def num(value: Decimal) -> int | float:
    """A JSON number."""
    return int(value) if value == value.to_integral_value() else float(value)


def _price(market: Market, ticks: float) -> int | float:
    return num(round(ticks) * market.tick)


# -------------------------------------------------------------------------------------------------------- the market
def detail(m: Market) -> Json:
    """A row of contract/detail; one contract is one lot of the market."""
    base, rate = m.symbol.removesuffix("USDT"), Decimal(repr(m.instrument.maintenance_margin))
    least = max(-(-m.instrument.min_quantity // m.lot), Decimal(1))
    return {
        "symbol": name_of(m), "displayName": name_of(m), "displayNameEn": f"{name_of(m)} PERPETUAL",
        "positionOpenType": 3, "baseCoin": base, "quoteCoin": "USDT", "settleCoin": "USDT",
        "contractSize": num(m.lot), "minLeverage": 1, "maxLeverage": MAX_LEVERAGE, "priceScale": m.decimals[0],
        "volScale": 0, "amountScale": 4, "priceUnit": num(m.tick), "volUnit": 1, "minVol": num(least),
        "maxVol": MAX_CONTRACTS, "bidLimitPriceRate": num(LIMIT_RATE), "askLimitPriceRate": num(LIMIT_RATE),
        "takerFeeRate": num(TAKER_FEE), "makerFeeRate": num(MAKER_FEE), "maintenanceMarginRate": num(rate),
        "initialMarginRate": num(Decimal(1) / MAX_LEVERAGE), "riskBaseVol": MAX_CONTRACTS, "riskIncrVol": MAX_CONTRACTS,
        "riskIncrMmr": num(rate), "riskIncrImr": num(rate), "riskLevelLimit": 1, "priceCoefficientVariation": 0.1,
        "indexOrigin": ["BOX"], "state": 0, "isNew": False, "isHot": True, "isHidden": False, "apiAllowed": True,
    }  # fmt: skip


def ticker(m: Market) -> Json:
    """The last 24 hours."""
    _, opened, high, low, _, lots, value, *_ = (round(x) for x in m.day().tolist())
    bids, asks = m.book(1)
    last = m.last
    return {
        "contractId": 1, "symbol": name_of(m), "lastPrice": _price(m, last), "bid1": _price(m, bids[0][0]),
        "ask1": _price(m, asks[0][0]), "volume24": lots, "amount24": num(value * m.tick * m.lot), "holdVol": 0,
        "lower24Price": _price(m, low), "high24Price": _price(m, high),
        "riseFallRate": round((last - opened) / opened, 4), "riseFallValue": _price(m, last - opened),
        "indexPrice": _price(m, last), "fairPrice": _price(m, last), "fundingRate": num(FUNDING),
        "maxBidPrice": _price(m, int(last * (1 + LIMIT_RATE))), "minAskPrice": _price(m, int(last * (1 - LIMIT_RATE))),
        "timestamp": m.now,
    }  # fmt: skip


def funding(m: Market) -> Json:
    """The funding rate that is collected next."""
    return {
        "symbol": name_of(m), "fundingRate": num(FUNDING), "maxFundingRate": 0.003, "minFundingRate": -0.003,
        "collectCycle": 8, "nextSettleTime": next_funding(m.now), "timestamp": m.now,
    }  # fmt: skip


def depth(m: Market, levels: int) -> Json:
    """The book: price, contracts, orders."""
    bids, asks = m.book(levels)
    return {
        side: [[_price(m, ticks), lots, 1] for ticks, lots in rows] for side, rows in (("asks", asks), ("bids", bids))
    } | {"version": m.trade_id}


def deal(m: Market, t: MarketTrade) -> Json:
    """A public trade."""
    return {"p": _price(m, t.ticks), "v": t.lots, "T": 2 if t.sold else 1, "O": 3, "M": 2, "t": t.time}


def klines(m: Market, rows: Columns) -> Json:
    """Candles in columns; times in seconds."""
    table = rows.tolist()
    out: Json = {"time": [int(r[0]) // 1000 for r in table]}
    out |= {name: [_price(m, r[i]) for r in table] for i, name in enumerate(("open", "high", "low", "close"), 1)}
    out |= {"vol": [round(r[5]) for r in table], "amount": [num(round(r[6]) * m.tick * m.lot) for r in table]}
    return out | {f"real{name.title()}": out[name] for name in ("open", "close", "high", "low")}


def kline(m: Market, interval: str, bar: Kline) -> Json:
    """The forming candle as it is pushed."""
    return {
        "a": num(bar.value * m.tick * m.lot), "c": _price(m, bar.close), "h": _price(m, bar.high),
        "interval": interval, "l": _price(m, bar.low), "o": _price(m, bar.open), "q": bar.lots,
        "symbol": name_of(m), "t": bar.start // 1000,
    }  # fmt: skip


def has_interval(m: Market, interval: str) -> bool:
    """Whether candles of that length can be made of the replay's."""
    name = INTERVALS.get(interval)
    return name is not None and BINANCE_INTERVALS[name] % m.base_ms == 0


# -------------------------------------------------------------------------------------------------------- orders
def side_of(r: OrderRequest) -> int:
    """1 open long, 2 close short, 3 open short, 4 close long."""
    closes = r.reduce_only if r.position_side == "BOTH" else (r.position_side == "LONG") != (r.side > 0)
    return (2 if closes else 1) if r.side > 0 else (4 if closes else 3)


def _common(a: MexcAccount, r: OrderRequest) -> Json:
    config = a.config(r.market.symbol)
    return {
        "symbol": name_of(r.market), "leverage": config.leverage, "side": side_of(r), "vol": r.lots,
        "openType": 1 if config.isolated else 2, "positionMode": 1 if r.position_side != "BOTH" else 2,
        "reduceOnly": r.reduce_only,
    }  # fmt: skip


def order(a: MexcAccount, o: FuturesOrder) -> Json:
    """An order."""
    r, m, track = o.request, o.request.market, a.tracks.get(o.request.key)
    code = _CANCELLED_BY.get(r.tif, 10) if o.status == "EXPIRED" else 0
    average = o.value / (o.filled * m.lot) if o.filled else ZERO
    return _common(a, r) | {
        "orderId": str(o.id), "positionId": track.id if track else 0, "price": _price(m, r.price or m.last),
        "category": 2 if o.liquidation else 1, "orderType": 5 if shown_type(r.type) == "MARKET" else _TYPES[r.tif],
        "dealAvgPrice": num(average), "dealVol": o.filled, "orderMargin": num(o.reserved), "takerFee": num(o.taker_fee),
        "makerFee": num(o.maker_fee), "profit": num(o.realized), "feeCurrency": "USDT", "externalOid": r.client_id,
        "state": _STATES.get(o.status, 4), "errorCode": code, "usedMargin": 0, "createTime": o.time,
        "updateTime": o.updated, "stopLossPrice": 0, "takeProfitPrice": 0,
    }  # fmt: skip


def fill(f: FuturesFill) -> Json:
    """An execution."""
    o, r = f.order, f.order.request
    return {
        "id": str(f.id), "symbol": name_of(r.market), "side": side_of(r), "vol": f.lots,
        "price": _price(r.market, f.ticks), "feeCurrency": "USDT", "fee": num(f.fee), "timestamp": f.time,
        "profit": num(f.realized), "category": 2 if o.liquidation else 1, "orderId": str(o.id),
        "positionMode": 1 if r.position_side != "BOTH" else 2, "taker": not f.maker, "isTaker": not f.maker,
        "opponentOrderId": 0,
    }  # fmt: skip


def plan(a: MexcAccount, p: AlgoOrder) -> Json:
    """A plan order: it has no client id."""
    r, limit = p.request, p.request.price > 0
    rising = (r.side > 0) == r.type.startswith("STOP")
    return _common(a, r) | {
        "id": str(p.id), "triggerPrice": _price(r.market, r.trigger), "price": _price(r.market, r.price),
        "triggerType": 1 if rising else 2, "state": _PLAN_STATES.get(p.status, 3),
        "executeCycle": (r.good_till - p.time) // HOUR, "trend": 1, "orderType": _TYPES[r.tif] if limit else 5,
        "errorCode": 3 if p.status == "REJECTED" else 0,
        "createTime": p.time, "updateTime": p.updated, "lossTrend": 1, "profitTrend": 1, "priceProtect": 0,
    } | ({"orderId": str(p.child.id)} if p.child else {})  # fmt: skip


# -------------------------------------------------------------------------------------------------------- money
def position(a: MexcAccount, side: str, t: TrackedPosition) -> Json:
    """A position, open or closed."""
    held = a.positions.get((t.market.symbol, side)) if t.lots else None
    config = a.config(t.market.symbol)
    margin = money(a.initial(held)) if held else ZERO
    opened, closed = (value / lots if lots else ZERO for value, lots in ((t.cost, t.opened), (t.value, t.closed)))
    return {
        "positionId": t.id, "symbol": name_of(t.market), "positionType": 1 if t.sign > 0 else 2,
        "openType": 1 if config.isolated else 2, "state": 1 if t.lots else (2 if t.liquidated else 3),
        "holdVol": t.lots, "frozenVol": 0, "closeVol": t.closed, "holdAvgPrice": num(held.entry if held else opened),
        "openAvgPrice": num(opened), "closeAvgPrice": num(closed),
        "liquidatePrice": num(a.liquidation_price(held)) if held else 0, "oim": num(margin), "im": num(margin),
        "holdFee": num(t.funding), "realised": num(t.realized), "leverage": config.leverage, "autoAddIm": False,
        "createTime": t.created, "updateTime": t.updated, "adlLevel": 1,
        "marginRatio": num(_used_up(a, held)) if held else 0,
    }  # fmt: skip


def _used_up(a: MexcAccount, held: MarginPosition) -> Decimal:
    """Maintenance margin over the margin behind a position."""
    if not a.is_isolated(held):
        return a.margin_ratio()
    backing = held.isolated + held.unrealized
    return a.maintenance(held) / backing if backing > 0 else Decimal(1)


def asset(a: MexcAccount) -> Json:
    """The one asset; available, frozen and position margin add up to the wallet (to be confirmed on the real venue)."""
    margin = money(total(a.initial(p) for p in a.positions.values()))
    free = a.wallet - margin - a.reserved
    return {
        "currency": "USDT", "positionMargin": num(margin), "availableBalance": num(free), "cashBalance": num(free),
        "frozenBalance": num(a.reserved), "equity": num(a.wallet + a.unrealized), "unrealized": num(a.unrealized),
        "bonus": 0,
    }  # fmt: skip
