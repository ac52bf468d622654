"""What callers send. The only shapes that are checked field by field, so that each mistake gets its sentence."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from triplane.model.settings import Settings, SleeveSettings, TradingSettings

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Body(Settings):
    """A body in which unknown fields are refused."""


class Login(Body):
    """The token that was printed at the start."""

    token: Annotated[str, Field(min_length=1, max_length=200)]


class StartSession(Body):
    """What to trade, and with what; what is left out is as in the configuration of the start."""

    strategy: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    symbols: Annotated[list[Annotated[str, Field(max_length=40)]] | None, Field(min_length=1, max_length=100)] = None
    timeframe: Annotated[str | None, Field(pattern=r"^[0-9]{1,4}[mhdw]$")] = None
    source: Annotated[str | None, Field(min_length=1, max_length=500)] = None
    mode: Literal["paper", "testnet", "live"] | None = None
    account: Annotated[str | None, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$")] = None
    balance: Positive | None = None
    portfolio: Annotated[list[SleeveSettings] | None, Field(min_length=1, max_length=64)] = None
    parameters: Annotated[dict[Annotated[str, Field(max_length=100)], float] | None, Field(max_length=100)] = None


class KillSwitch(Body):
    """Stop everything: no new entries, working entries cancelled, open positions kept or closed at market."""

    flatten: bool = False
    reason: Annotated[str, Field(min_length=1, max_length=500)] = "by hand"


class Resume(Body):
    """A person has seen why the session halted and wants it to go on."""

    acknowledge: Literal[True]


class Simulate(Body):
    """A signal made up to see what follows from it; on paper only."""

    symbol: str
    side: Literal["buy", "sell"]
    stop_loss: Positive | None = None


class Reset(Body):
    """Start the paper account again; without a balance with that of the start."""

    balance: Positive | None = None


def _without_defaults(schema: dict[str, Any]) -> None:
    """Here a default stands for "left out"; a client that read it would send it."""
    for field in schema["properties"].values():
        field.pop("default", None)


class ChangeSettings(TradingSettings):
    """The settings to change; what is left out stays as it is.

    They may be as loose as the configuration at most. ``confirm`` is the typed sentence without which no limit gets
    looser than it is now.
    """

    confirm: Annotated[str | None, Field(max_length=100)] = None
    model_config = ConfigDict(json_schema_extra=_without_defaults)
