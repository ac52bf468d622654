"""Every setting of ``triplane up``, declared once.

The fields give the options of the command line, the names in the environment, and the configuration file with what it
says about each setting. The command line wins over the environment (``TRIPLANE_PORT``,
``TRIPLANE_TRADING__MAX_DRAWDOWN``), the environment over the file, the file over the defaults.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, TypeAlias, get_origin

import typer
import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from triplane.alerts.config import AlertTarget
from triplane.cli.options import DATA_DIR, NONE, help_text, option_name, parse_list, with_settings
from triplane.cli.output import Report, console, one_sentence, reported
from triplane.data.candles import TIMEFRAMES
from triplane.engine.golive import GoLiveGate
from triplane.engine.guards import find_guard
from triplane.engine.portfolio import check_portfolio, is_portfolio, load_portfolio
from triplane.engine.settings import CostSettings, TradingSettings, checked
from triplane.errors import BadInput
from triplane.flow.processors import find as find_processor
from triplane.model.settings import MOST_SYMBOLS, START_BALANCE, Settings, SleeveSettings, Symbol
from triplane.problems import Place, dotted, sentence
from triplane.venues.catalogue import names, with_data

if TYPE_CHECKING:
    VenueName: TypeAlias = str
else:
    VenueName = Literal[tuple(names())]  # with those of installed packages

DEFAULT_FILE: Final = Path("triplane.yaml")
PREFIX: Final = "TRIPLANE_"
NESTED: Final = "__"
SPEEDS: Final = "must be max or a factor from above 0 to 1000000, such as 60"

app = typer.Typer(help="Write or check a configuration file.", no_args_is_help=True)


def parse_speed(text: str) -> float | Literal["max"]:
    """A replay speed: a positive factor, or ``max``."""
    if text == "max":
        return "max"
    try:
        value = float(text.removesuffix("x"))
    except ValueError:
        value = 0.0
    if not 0 < value <= 1_000_000:
        raise BadInput(f"speed is {text}; it {SPEEDS}")
    return value


class Config(Settings, BaseSettings):
    """The settings of ``triplane up``."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        coerce_numbers_to_str=True,  # speed: 60
        env_prefix=PREFIX,
        env_nested_delimiter=NESTED,
        env_ignore_empty=True,
        env_parse_none_str=NONE,
    )

    mode: Literal["paper", "testnet", "live"] = Field("paper", description="paper, testnet, or live: real money")
    venue: VenueName | None = Field(
        None, description=f"where to trade: {', '.join(with_data())}, or box: an exchange on this computer"
    )
    router: str | None = Field(
        None,
        description="address of a router process, its token in TRIPLANE_ROUTER_TOKEN; by default there is none",
    )
    box_rest: str = Field("", description="with venue box: REST address of a running one; by default one is started")
    box_ws: str = Field("", description="with venue box: its WebSocket address")
    source: str = Field(
        "demo", description=f"market data: demo, {', '.join(with_data())}, or a file or folder of recorded candles"
    )
    symbols: list[Symbol] = Field(
        default=[], max_length=MOST_SYMBOLS, description="markets; by default all of the source"
    )
    timeframe: str | None = Field(None, description="bars to decide on, such as 15m; by default the strategy's own")
    strategy: str = Field(
        "ict_blocks", description="name of a strategy, or path of a strategy file or of a portfolio (.yaml)"
    )
    portfolio: list[SleeveSettings] = Field(
        default=[],
        description="several strategies on one account, instead of one: [{strategy: ema_cross, symbols: [BTCUSDT], "
        "timeframe: 1h, params: {fast: 9}, name: slow}]",
    )
    params: dict[str, float] = Field(default={}, description="parameters of the strategy, name=value")
    speed: str = Field("60", description="speed of a replay: 60 = sixty times real time, max = as fast as possible")
    regime: str | None = Field(
        None,
        description="regime model: a parameter set (name or name@version) or a JSON file; by default the built-in",
    )
    news: str | None = Field(
        None, description="news calendar, ICS or CSV, file or address: no entries around its events"
    )
    news_minutes: float = Field(30.0, gt=0, le=1440, description="minutes without entries before and after each event")
    funding: str | None = Field(
        None, description="funding times and rates, CSV or Parquet: charged, and no entries before an expensive one"
    )
    funding_limit: float = Field(
        0.0005, ge=0, le=1, description="highest funding rate at which entries are still made, fraction"
    )
    guards: list[str] = Field(
        default=[], description="own guards, which can only hold back entries: Python files or installed names"
    )
    account: str = Field(
        "",
        pattern=r"^([a-z0-9][a-z0-9._-]{0,31})?$",
        description="name of the account, whose halts and losses outlive a session; "
        "by default main, on paper the first that is free",
    )
    balance: float = Field(
        START_BALANCE, gt=0, allow_inf_nan=False, description="paper money to start with, quote currency"
    )
    port: int = Field(8000, ge=0, le=65535, description="port of the page on 127.0.0.1; 0 = any free one")
    data_dir: Path = Field(DATA_DIR, description="folder of the sessions and the database")
    session_folders: list[Path] = Field(
        default=[], description="folders of strategy and data files that a session started over the API may use"
    )
    override_gate: str | None = Field(
        None, description="confirmation sentence to go live without the required paper record"
    )
    alerts: list[AlertTarget] = Field(
        default=[], description="where alerts go: {url: discord://id/token, severity: info, kinds: [], symbols: []}"
    )
    processors: list[str] = Field(default=[], description="own processors of facts: Python files or installed names")
    go_live: GoLiveGate = Field(GoLiveGate(), description="Paper record required to go live")
    trading: TradingSettings = Field(TradingSettings(), description="Risk limits and session settings")
    costs: CostSettings = Field(CostSettings(), description="Costs and fills of the simulated broker")

    @field_validator("speed")
    @classmethod
    def _speed(cls, value: str) -> str:
        try:
            parse_speed(value)
        except BadInput:
            raise ValueError(SPEEDS) from None
        return value

    @field_validator("timeframe")
    @classmethod
    def _timeframe(cls, value: str | None) -> str | None:
        if value is not None and value not in TIMEFRAMES:
            raise ValueError(f"must be one of {', '.join(TIMEFRAMES)}")
        return value

    @classmethod
    def settings_customise_sources(cls, *_: Any, **sources: Any) -> tuple[PydanticBaseSettingsSource, ...]:
        """A model made by hand is what it is given; :func:`resolve` alone looks around."""
        return (sources["init_settings"],)

    def check(self) -> None:
        """Conditions that need the rest of the program; raises :class:`BadInput`."""
        check_portfolio(self.sleeves())
        for target in self.alerts:
            target.address()
        for name in self.processors:
            find_processor(name)
        for name in self.guards:
            find_guard(name)

    def sleeves(self) -> list[SleeveSettings]:
        """What is to be traded; raises :class:`BadInput`."""
        several = self.portfolio
        if not several and is_portfolio(self.strategy):
            several = load_portfolio(Path(self.strategy))
        if not several:
            return [SleeveSettings(strategy=self.strategy, symbols=self.symbols, params=self.params)]
        if self.params:
            raise BadInput(f"params are {self.params}; in a portfolio each sleeve has its own")
        return several

    def changed(self, changes: Mapping[str, object]) -> Self:
        """These settings with some replaced, checked; raises :class:`BadInput`."""
        config = checked(type(self), {**self.model_dump(), **changes}, "Settings")
        config.check()
        return config


class _Environment(EnvSettingsSource):
    """Environment variables; lists are written as on the command line, separated by commas."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """JSON as pydantic-settings reads it, or else the text."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return parse_list(value) if get_origin(field.annotation) is list else value


def _environment() -> dict[str, Any]:
    """What the environment sets. A misspelled group is refused; other unknown names may belong to other programs."""
    for name in os.environ:
        group, nested, _ = name.removeprefix(PREFIX).partition(NESTED)
        if name.startswith(PREFIX) and nested and group.lower() not in Config.model_fields:
            raise BadInput(f"{name} is not a setting; there is no group {group.lower()}")
    return _Environment(Config)()


def load(path: Path) -> dict[str, Any]:
    """The content of a configuration file."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"config file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"config file {path} is not UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise BadInput(f"config file {path} is not valid YAML{where}") from None
    if not isinstance(content, dict | None):
        raise BadInput(f"config file {path} must hold names and values, not a {type(content).__name__}")
    return {str(name): value for name, value in (content or {}).items()}


def _holds(values: object, place: Place) -> bool:
    """Whether nested values say something about a place."""
    for part in place:
        if not isinstance(values, Mapping):
            return True  # a value where a group belongs, or a list
        if part not in values:
            return False
        values = values[part]
    return True


Layer: TypeAlias = tuple[Mapping[str, Any], Callable[[Place], str]]
"""Nested values, and how their source writes the name of a setting."""


def _one_way(layers: Sequence[Layer]) -> Iterator[dict[str, Any]]:
    """The layers without what a higher one overrides: a strategy takes the place of a portfolio and vice versa."""
    for i, (values, name) in enumerate(layers):
        several, single = values.get("portfolio"), "strategy" in values
        if several and single and values["strategy"] != Config.model_fields["strategy"].default:
            raise BadInput(f"{name(('strategy',))} and {name(('portfolio',))} are both given; leave one of them out")
        above = [higher for higher, _ in layers[:i]]
        over = any("strategy" in one or one.get("portfolio") for one in above)
        yield {key: value for key, value in values.items() if not (over and key in ("strategy", "portfolio"))}


def _combine(*layers: Layer) -> Config:
    """The settings of several layers, the first one first, checked."""
    try:
        config = Config(_build_sources=(tuple(InitSettingsSource(Config, one) for one in _one_way(layers)), {}))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = next((name for values, name in layers if _holds(values, problem["loc"])), dotted)
        raise BadInput(sentence(problem, Config, name(problem["loc"]))) from None
    config.check()
    return config


def _file(path: Path) -> Layer:
    return load(path), lambda place: f"config file {path}: {dotted(place)}"


def resolve(path: Path | None, given: Mapping[str, Any]) -> Config:
    """Command line (``given``, nested), environment and file together; raises :class:`BadInput` in one sentence.

    Without a ``path`` the file is ``triplane.yaml`` in this folder, if there is one.
    """
    found = path or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    environment = _environment(), lambda place: (PREFIX + NESTED.join(map(str, place))).upper()
    return _combine((given, option_name), environment, *([_file(found)] if found else []))


configured = with_settings(Config, resolve)
"""Decorates a command that takes every setting."""


def described(name: str) -> Any:
    """An option of another command that means the same as the setting ``name``."""
    return typer.Option(help=help_text(Config.model_fields[name]))


def _comments(model: type[BaseModel], values: BaseModel, indent: str = "") -> list[str]:
    lines = []
    for name, info in model.model_fields.items():
        value = getattr(values, name)
        if info.description:
            lines += [""] * isinstance(value, BaseModel) + [f"{indent}# {info.description}"]
        if isinstance(value, BaseModel):
            lines += [f"{indent}{name}:", *_comments(type(value), value, indent + "  ")]
            continue
        text = yaml.safe_dump(values.model_dump(mode="json", include={name}), default_flow_style=True, width=1000)
        lines.append(indent + text.strip()[1:-1])
    return lines


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="File to write.")] = DEFAULT_FILE,
    force: Annotated[bool, typer.Option(help="Replace an existing file.")] = False,
) -> None:
    """Write a configuration file with every setting, its default and what it means."""
    with one_sentence():
        if path.exists() and not force:
            raise BadInput(f"{path} exists already; use --force to replace it")
        text = "# Configuration of `triplane up`. Check it with `triplane config check`.\n"
        try:
            path.write_text(text + "\n".join(_comments(Config, Config())) + "\n", encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{path} cannot be written: {error.strerror}") from None
        console.print(f"Wrote {path}. Edit it, then: triplane config check {path}", highlight=False)


@app.command()
@reported
def check(path: Annotated[Path, typer.Argument(help="File to check.")] = DEFAULT_FILE) -> Report:
    """Say whether a configuration file can be used, and what it comes to."""
    config = _combine(_file(path))
    if config.alerts:
        from triplane.alerts.service import open_sender  # noqa: PLC0415 - only those who have alerts wait for it

        for target in config.alerts:
            open_sender(target)
    result = {"ok": True, "path": str(path), "config": config.model_dump(mode="json")}
    return Report(result, lambda: console.print(f"{path} is valid.", highlight=False))
