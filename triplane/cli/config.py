"""The configuration file: every setting of ``triplane up`` in one YAML file, validated as a whole.

What stands on the command line wins over the file, the file over the defaults.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import yaml
from pydantic import BaseModel, ConfigDict, Field

from triplane.alerts.config import AlertTarget
from triplane.cli.output import Json, console, one_sentence, print_json
from triplane.data.candles import parse_timeframe
from triplane.engine.golive import GoLiveGate
from triplane.engine.settings import CostSettings, TradingSettings, checked
from triplane.errors import BadInput
from triplane.flow.processors import find as find_processor
from triplane.strategies.registry import find

DEFAULT_FILE = Path("triplane.yaml")

app = typer.Typer(help="Write or check a configuration file.", no_args_is_help=True)


class Config(BaseModel):
    """What ``triplane up`` can be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["paper", "testnet", "live"] = Field("paper", description="paper, testnet, or live: real money")
    venue: Literal["binance", "binance-spot", "mexc", "box"] | None = Field(
        None, description="where to trade: binance, binance-spot, mexc, or box: an exchange on this computer"
    )
    router: str | None = Field(None, description="address of a router's service; null = orders leave by this process")
    box_rest: str = Field("", description="REST address of a running exchange in a box; empty = one of its own")
    box_ws: str = Field("", description="its socket address")
    source: str = Field(
        "demo", description="demo, binance, binance-spot, mexc, or a file or folder of recorded candles"
    )
    symbols: list[str] = Field(default=[], max_length=64, description="markets to trade; [] = what the source offers")
    timeframe: str | None = Field(None, description="bars to decide on; null = the strategy's own")
    strategy: str = Field("ict_blocks", description="name of a strategy, or path of a strategy file")
    params: dict[str, float] = Field(default={}, description="parameters of the strategy")
    speed: str = Field("60", description="of a replay: 60 = sixty times real time, max = as fast as it can")
    regime: str | None = Field(None, description="regime model: a parameter set's name, name@version, or a JSON file")
    news: str | None = Field(None, description="calendar of news, ICS or CSV, file or address: no entries around them")
    news_minutes: float = Field(30.0, gt=0, le=1440, description="minutes before and after each event without entries")
    funding: str | None = Field(
        None, description="funding times and rates, CSV or Parquet: no entries before dear ones"
    )
    funding_limit: float = Field(0.0005, ge=0, le=1, description="largest funding rate that is put up with")
    balance: float = Field(10_000.0, gt=0, description="paper money to start with, quote currency")
    port: int = Field(8000, ge=0, le=65535, description="of the page, on 127.0.0.1")
    data_dir: Path = Field(Path("triplane-data"), description="where sessions and the database are kept")
    override_gate: str | None = Field(None, description="go live although the paper record does not suffice")
    alerts: list[AlertTarget] = Field(
        default=[], description="where alerts go: {url: discord://id/token, severity: info, kinds: [], symbols: []}"
    )
    processors: list[str] = Field(default=[], description="own processors of events: Python files or installed names")
    go_live: GoLiveGate = Field(default_factory=lambda: GoLiveGate.model_validate({}))
    trading: TradingSettings = Field(default_factory=lambda: TradingSettings.model_validate({}))
    costs: CostSettings = Field(default_factory=lambda: CostSettings.model_validate({}))

    def check(self) -> None:
        """Conditions that need the rest of the program; raises :class:`BadInput`."""
        parse_speed(self.speed)
        if self.timeframe is not None:
            parse_timeframe(self.timeframe)
        find(self.strategy).resolve(self.params)
        for target in self.alerts:
            target.address()
        for name in self.processors:
            find_processor(name)


def parse_speed(text: str) -> float | str:
    """A replay speed: a positive factor, or ``max``."""
    if text == "max":
        return "max"
    try:
        value = float(text.removesuffix("x"))
    except ValueError:
        value = 0.0
    if not 0 < value <= 1_000_000:
        raise BadInput(f"speed is {text}; it must be max or a factor from above 0 to 1000000, such as 60")
    return value


def load(path: Path | None) -> dict[str, Any]:
    """The content of a configuration file; without a path the one in this folder, if there is one."""
    if path is None:
        if not DEFAULT_FILE.exists():
            return {}
        path = DEFAULT_FILE
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"config file {path} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise BadInput(f"config file {path} is not valid YAML{where}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise BadInput(f"config file {path} must hold names and values, not a {type(content).__name__}")
    return content


def resolve(path: Path | None, given: dict[str, Any]) -> Config:
    """File and command line together, checked."""
    values = load(path)
    values.update({name: value for name, value in given.items() if value is not None})
    config = checked(Config, values, f"config file {path}" if path else "The configuration")
    config.check()
    return config


def _comments(model: type[BaseModel], values: BaseModel, indent: str = "") -> list[str]:
    lines = []
    for name, info in model.model_fields.items():
        value = getattr(values, name)
        if isinstance(value, BaseModel):
            lines += ["", f"{indent}{name}:", *_comments(type(value), value, indent + "  ")]
            continue
        if info.description:
            lines.append(f"{indent}# {info.description}")
        text = yaml.safe_dump(
            {name: str(value) if isinstance(value, Path) else value}, default_flow_style=True, width=1000
        )
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
        config = Config.model_validate({})
        text = "# Configuration of `triplane up`. Check it with `triplane config check`.\n"
        try:
            path.write_text(text + "\n".join(_comments(Config, config)) + "\n", encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{path} cannot be written: {error.strerror}") from None
        console.print(f"Wrote {path}. Edit it, then: triplane config check {path}", highlight=False)


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="File to check.")] = DEFAULT_FILE,
    json: Json = False,
) -> None:
    """Say whether a configuration file can be used, and what it comes to."""
    with one_sentence():
        config = resolve(path, {})
        if json:
            print_json({"ok": True, "path": str(path), "config": config.model_dump(mode="json")})
        else:
            console.print(f"{path} is valid.", highlight=False)
