"""Options of a command, made from the fields of a settings model.

A field ``port`` becomes ``--port``, a field ``max_drawdown`` of the group ``trading`` ``--trading.max-drawdown``; the
help is the field's description. Values stay text until all sources are checked together, so that a wrong one is
reported in the same words wherever it stands. Secrets have no option: every process of a machine sees the command lines
of the others.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from triplane.cli.output import keyword, one_sentence
from triplane.errors import BadInput
from triplane.problems import Place, dotted, models_in

NONE: Final = "none"
"""What stands for no value."""
ALIASES: Final = {"params": "--set", "costs.leverage": "--leverage"}
"""Settings that have a name of their own on the command line."""
_METAVARS: Final = {int: "INTEGER", float: "NUMBER", Path: "PATH", list: "A,B,…", dict: "NAME=VALUE"}


Data: TypeAlias = Annotated[Path, typer.Option(help="Recorded candles: Parquet, Feather, CSV, zip, or a folder.")]
Market: TypeAlias = Annotated[str | None, typer.Option(help="Which market, when the folder holds several.")]
Set: TypeAlias = Annotated[list[str] | None, typer.Option("--set", help="Parameter of the strategy, name=value.")]
DataDir: TypeAlias = Annotated[Path, typer.Option(help="Folder of sessions and parameter sets.")]
DATA_DIR: Final = Path("triplane-data")


def parse_set(pairs: list[str]) -> dict[str, object]:
    """``key=value`` pairs of ``--set``."""
    values: dict[str, object] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name or not value:
            raise BadInput(f"--set is {pair!r}; it must be key=value, such as fast=20")
        values[name] = value
    return values


def parse_list(text: str) -> list[str]:
    """Words separated by commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def option_name(place: Place) -> str:
    """How a setting is written on the command line; an entry of a dictionary as ``--set fast``."""
    if place[0] == "params":
        return " ".join([ALIASES["params"], *map(str, place[1:])])
    path = dotted([part for part in place if isinstance(part, str)])
    return ALIASES.get(path, _plain_name(path))


def _plain_name(path: str) -> str:
    return "--" + path.replace("_", "-")


def _settings(model: type[BaseModel], place: tuple[str, ...] = (), group: str | None = None) -> Iterator["_Setting"]:
    """Every setting that can be an option."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _settings(kind, (*place, name), group or field.description)
        elif "Secret" not in repr(kind) and not list(models_in(kind)):
            yield _Setting((*place, name), field, group)


def help_text(field: FieldInfo) -> str:
    """A description as a sentence."""
    text = field.description or ""
    return f"{text[:1].upper()}{text[1:]}."


class _Setting:
    """A field as an option."""

    def __init__(self, place: tuple[str, ...], field: FieldInfo, group: str | None) -> None:
        self.place, self.field, self.group = place, field, group
        self.key = "__".join(place)
        self.type: Any = get_origin(field.annotation) or field.annotation

    def parameter(self) -> inspect.Parameter:
        """What Typer makes an option of."""
        kind: Any = {bool: bool, dict: list[str]}.get(self.type, str)
        return keyword(self.key, Annotated[kind | None, self._option()])

    def _option(self) -> Any:
        default, path = self.field.get_default(call_default_factory=True), dotted(self.place)
        names = [option_name(self.place)]
        if self.type is bool:
            names = [f"{names[0]}/{_plain_name('.'.join([*self.place[:-1], 'no-' + self.place[-1]]))}"]
        elif "." in path and path in ALIASES:
            names.insert(0, _plain_name(path))
        return typer.Option(
            *names,
            help=help_text(self.field),
            metavar=None if self.type is bool else _metavar(self.field.annotation),
            show_default=_shown(default),
            rich_help_panel=self.group,
        )

    def value(self, given: Any) -> Any:
        """What was typed, as the model takes it."""
        if self.type is dict:
            return parse_set(given)
        if self.type is list:
            return parse_list(given)
        return None if given == NONE and NoneType in get_args(self.field.annotation) else given


def _shown(default: object) -> str | bool:
    if default is None or default in ("", [], {}):
        return False
    return f"{default:g}" if isinstance(default, float) else str(default)


def _metavar(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "|".join(get_args(kind))
    rest = [part for part in get_args(kind) if part is not NoneType]
    return _METAVARS.get(get_origin(kind) or kind) or (_metavar(rest[0]) if len(rest) == 1 else "TEXT")


def with_settings(
    model: type[BaseModel], resolve: Callable[[Path | None, Mapping[str, Any]], BaseModel]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command every setting of a model as an option, and ``--config``.

    The command is called with the model that ``resolve`` makes of the file and of what was typed, and with its own
    options. What either raises on purpose is printed as one sentence.
    """
    settings = list(_settings(model))

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(command).parameters.values() if p.kind is p.KEYWORD_ONLY]

        def run(*, config: Path | None, **typed: Any) -> None:
            with one_sentence():
                given: dict[str, Any] = {}
                for setting in settings:
                    if typed[setting.key] not in (None, []):
                        group = given
                        for part in setting.place[:-1]:
                            group = group.setdefault(part, {})
                        group[setting.place[-1]] = setting.value(typed[setting.key])
                command(resolve(config, given), **{p.name: typed[p.name] for p in own})

        file = typer.Option(help="Configuration file.", show_default="triplane.yaml, if there is one")
        parameters = [*(s.parameter() for s in settings), keyword("config", Annotated[Path | None, file]), *own]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__doc__, run.__name__ = command.__doc__, command.__name__
        return run

    return decorate
