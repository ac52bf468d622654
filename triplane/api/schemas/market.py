"""Candles, zones and markers as the chart draws them, and the state of the connections."""

from typing import Literal

from pydantic import BaseModel

from triplane.api.schemas.base import Millis, Number, example

CANDLE = {
    "time": 1767225600000,
    "open": 87648.2,
    "high": 87711.0,
    "low": 87602.5,
    "close": 87690.1,
    "volume": 412.75,
    "is_closed": True,
    "indicators": {"ema20": 87655.4, "ema50": 87601.9, "rsi14": 54.2, "atr14": 96.3},
}
ZONE = {
    "id": "BTCUSDT-OB-41",
    "kind": "OB",
    "side": "DEMAND",
    "price_lo": 87420.0,
    "price_hi": 87511.5,
    "formed_time": 1767216600000,
    "confirmed_time": 1767219300000,
    "ended_time": None,
    "end_reason": None,
    "touches": 1,
    "filled_percent": 35.0,
    "strength": 6.4,
    "valid": True,
}
MARKER = {
    "time": 1767225600000,
    "kind": "entry",
    "side": "buy",
    "price": 87690.1,
    "text": "Bought 0.011 at 87,690.1",
    "decision": 17,
}


class Candle(BaseModel):
    """A candle with the indicators at its close."""

    model_config = example(CANDLE)

    time: Millis
    open: float
    high: float
    low: float
    close: float
    volume: float
    is_closed: bool
    indicators: dict[str, Number] = {}


class Zone(BaseModel):
    """An order block, fair value gap or breaker, and what has become of it."""

    model_config = example(ZONE)

    id: str
    kind: Literal["OB", "FVG", "BREAKER"]
    side: Literal["DEMAND", "SUPPLY"]
    price_lo: float
    price_hi: float
    formed_time: Millis
    confirmed_time: Millis
    ended_time: Millis | None = None
    end_reason: str | None = None
    touches: int
    filled_percent: Number
    strength: Number
    valid: bool


class Marker(BaseModel):
    """A signal, a fill or a rejection at its place on the chart."""

    model_config = example(MARKER)

    time: Millis
    kind: Literal["signal", "entry", "exit", "reject"]
    side: Literal["buy", "sell"]
    price: Number
    text: str
    decision: int | None = None


class History(BaseModel):
    """Candles, oldest first, with the zones and markers of their time."""

    model_config = example(
        {"symbol": "BTCUSDT", "timeframe": "15m", "candles": [CANDLE], "zones": [ZONE], "markers": [MARKER]}
    )

    symbol: str
    timeframe: str
    candles: list[Candle]
    zones: list[Zone]
    markers: list[Marker]


class FeedStatus(BaseModel):
    """The connection to the source of market data."""

    model_config = example(
        {
            "source": "demo",
            "connected": True,
            "stale": False,
            "last_message_time": 1767225659000,
            "reconnects": 0,
            "data_grade": "A",
            "text": None,
        }
    )

    source: str
    connected: bool
    stale: bool
    last_message_time: Millis | None = None
    reconnects: int = 0
    data_grade: str | None = None
    text: str | None = None


CONNECTION = {
    "id": 3,
    "path": "/ws",
    "topics": ["market_data", "position_update"],
    "symbols": ["BTCUSDT"],
    "connected_at": 1767225600000,
    "sent": 1840,
    "conflated": 12,
    "last_event_id": 90412,
    "lag": 0,
}


class Connection(BaseModel):
    """One client of a WebSocket."""

    model_config = example(CONNECTION)

    id: int
    path: str
    topics: list[str] | None
    symbols: list[str] | None
    connected_at: Millis
    sent: int
    conflated: int
    last_event_id: int
    lag: int


class Connections(BaseModel):
    """All clients of the WebSockets."""

    model_config = example({"items": [CONNECTION], "total": 1})

    items: list[Connection]
    total: int
