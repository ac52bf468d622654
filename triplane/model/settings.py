"""What a user can set about trading: the risk profile, the costs that the simulated broker charges, the mode.

Names and defaults are those of the rules; fractions are fractions (0.01 is 1 %), money is in the quote currency, and
0 turns an optional limit off. A frozen model: a change is a new one, journaled before it counts.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self, TypeAlias, TypeVar, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, ValidationInfo, field_validator

from triplane.errors import BadInput
from triplane.problems import dotted, sentence

Array = np.ndarray[Any, Any]
Model = TypeVar("Model", bound=BaseModel)
START_BALANCE: Final = 10_000.0
"""Paper money, quote currency."""
MOST_SYMBOLS: Final = 64
"""Markets of one session."""
Fees: TypeAlias = tuple[float, float]
"""Of a maker and of a taker, fractions of the notional."""
FEES: Final[Mapping[str, Fees]] = {"usdm": (0.0004, 0.0004), "spot": (0.001, 0.001)}
"""By market, where nobody knows the venue."""
FEE_NAMES: Final = ("maker_fee", "taker_fee")


def _record(settings: BaseModel, kind: "np.dtype[np.void]") -> Array:
    """One-element array of what a record of the core has of some settings."""
    out = np.zeros(1, kind)
    for name in set(kind.names or ()) & set(type(settings).model_fields):
        value = getattr(settings, name)
        out[0][name] = np.nan if value is None else value
    return out


def _kinds(annotation: Any) -> list[Any]:
    """What a field may hold, inside of unions and collections too."""
    parts = get_args(annotation)
    return [kind for part in parts for kind in _kinds(part)] if parts else [annotation]


class Settings(BaseModel):
    """What all settings share."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse what pydantic takes for 1 and 0."""
        kinds = _kinds(cls.model_fields[str(info.field_name)].annotation)
        given = value.values() if isinstance(value, Mapping) else (value,)
        if bool not in kinds and (int in kinds or float in kinds) and any(isinstance(one, bool) for one in given):
            raise ValueError("must be a number, not true or false")
        return value


Symbol = Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, min_length=1, max_length=40)]


class SleeveSettings(Settings):
    """A part of a portfolio: a strategy on some symbols."""

    strategy: str = Field(min_length=1, max_length=500, description="name of a strategy, or path of a strategy file")
    symbols: list[Symbol] = Field(default=[], max_length=64, description="markets; by default all of the session")
    timeframe: str | None = Field(None, description="bars to decide on, such as 15m; by default the strategy's own")
    params: dict[str, float] = Field(default={}, description="parameters of the strategy, name=value")
    name: str = Field(
        "", pattern=r"^([A-Za-z0-9_.-]{1,40})?$", description="what it is called by; by default as its strategy"
    )


class TradingSettings(Settings):
    """Risk limits and session settings."""

    execution_mode: Literal["auto", "manual"] = Field("auto", description="auto, or manual: signals wait for approval")
    risk_per_trade: float = Field(0.01, gt=0, le=1, description="fraction of the balance lost when the stop is hit")
    max_position_quote: float = Field(0.0, ge=0, description="largest position, quote currency; 0 = off")
    max_position_share: float = Field(0.10, gt=0, le=100, description="largest position, fraction of the balance")
    max_open_positions: int = Field(3, ge=1, le=1000, description="most positions open at the same time")
    max_symbol_share: float = Field(0.25, gt=0, le=100, description="largest share of equity in one symbol")
    daily_loss_quote: float = Field(0.0, ge=0, description="daily loss that halts trading, quote currency; 0 = off")
    daily_loss_share: float = Field(0.03, ge=0, le=1, description="daily loss that halts trading, fraction; 0 = off")
    max_drawdown: float = Field(0.20, ge=0, le=1, description="drawdown from peak equity that halts trading; 0 = off")
    max_margin_use: float = Field(0.80, gt=0, le=1, description="highest used margin, fraction of equity")
    max_trades_day: int = Field(5, ge=1, le=100_000, description="most positions opened in one UTC day")
    volatility_ceiling: float = Field(0.0, ge=0, le=10, description="no entries at ATR(14) / price above this; 0 = off")
    min_sharpe: float | None = Field(None, description="no entries at a Sharpe ratio below this; none = off")
    default_stop: float = Field(0.02, gt=0, lt=1, description="stop distance if the strategy sets none, fraction")
    reward_risk: float = Field(3.0, gt=0, le=1000, description="target if the strategy sets none, in stop distances")
    cooldown_bars: int = Field(4, ge=0, le=100_000, description="closed candles between a close and the next entry")
    break_even: bool = Field(True, description="move the stop to the entry price after the first target")
    quality_gate: bool = Field(True, description="no entries while the data quality grade is D or F")
    signal_ttl_bars: int = Field(3, ge=1, le=100_000, description="bars after which a pending signal expires")

    def to_record(self, fixed_lots: int = 0) -> Array:
        """One-element array of ``records.LIMITS``; ``fixed_lots`` > 0 is research with a fixed quantity."""
        from triplane.kernel.records import LIMITS  # noqa: PLC0415 - who only reads settings needs no compiler

        out = _record(self, LIMITS)
        out[0]["fixed_lots"] = fixed_lots
        out[0]["manual"] = self.execution_mode == "manual"
        if fixed_lots > 0:
            out[0]["quality_gate"] = 0
        return out


LOOSEN: Final = "I loosen the limits"
"""What a person types to take less strict limits than those of now."""
_OFF_AT_0: Final = ("max_position_quote", "daily_loss_quote", "daily_loss_share", "max_drawdown", "volatility_ceiling")
_AT_MOST: Final = (
    "risk_per_trade", "max_position_share", "max_open_positions", "max_symbol_share", "max_margin_use",
    "max_trades_day",
)  # fmt: skip


def _looseness(settings: TradingSettings) -> dict[str, float]:
    """By limit, a number that is larger the more it lets pass."""
    found = {name: float(getattr(settings, name)) for name in _AT_MOST}
    found |= {name: float(getattr(settings, name)) or np.inf for name in _OFF_AT_0}
    found["min_sharpe"] = np.inf if settings.min_sharpe is None else -settings.min_sharpe
    found["quality_gate"] = float(not settings.quality_gate)
    found["cooldown_bars"] = -float(settings.cooldown_bars)
    return found


def looser(wanted: TradingSettings, than: TradingSettings) -> list[str]:
    """The limits that let more pass than those of ``than``, in a fixed order."""
    bounds = _looseness(than)
    return [name for name, value in _looseness(wanted).items() if value > bounds[name]]


class CostSettings(Settings):
    """What the simulated broker charges, and how it fills."""

    maker_fee: float | None = Field(
        None, ge=-0.01, le=0.1, description="maker fee, fraction of the notional; by default the venue's own"
    )
    taker_fee: float | None = Field(
        None, ge=0, le=0.1, description="taker fee, fraction of the notional; by default the venue's own"
    )
    slippage: float = Field(
        0.0001, ge=0, lt=0.5, description="half a spread: slippage of market and stop orders, fraction of the price"
    )
    impact: float = Field(
        0.4, ge=0, le=10, description="impact of size, times the candle's range and the root of the share of its volume"
    )
    participation: float = Field(
        0.1, ge=0, le=1, description="share of a candle's volume that one order may take, 0 = any"
    )
    latency_ms: int = Field(
        100, ge=0, le=86_400_000, description="before an order reaches the market, ms; whole candles of it count"
    )
    through_ticks: int = Field(1, ge=0, le=1000, description="ticks a price must pass a limit order by to fill it")
    leverage: float = Field(1.0, ge=1, le=125, description="leverage of futures positions, isolated margin")

    def charged(self, fees: Fees = FEES["usdm"]) -> Self:
        """These costs with a venue's maker and taker fee where none are set."""
        known = {name: fee for name, fee in zip(FEE_NAMES, fees, strict=True) if getattr(self, name) is None}
        return self.model_copy(update=known)

    def to_record(self) -> Array:
        """One-element array of ``records.COSTS``."""
        from triplane.kernel.records import COSTS  # noqa: PLC0415 - as above

        return _record(self.charged(), COSTS)


PLAIN: Final[Mapping[str, float]] = {"slippage": 0.0, "impact": 0.0, "participation": 0.0, "latency_ms": 0}
"""Costs of a market that takes any size at its price: of journals from before there were others."""


def checked(
    kind: type[Model], values: Mapping[str, object], what: str, names: Mapping[str, str] | None = None
) -> Model:
    """Build a settings model, or raise :class:`BadInput` with one sentence.

    ``names``: what the caller's user calls a field, where that is not its own name.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = dotted(problem["loc"]) or what
        raise BadInput(f"{what}: {sentence(problem, kind, (names or {}).get(name, name))}") from None
