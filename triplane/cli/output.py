"""How commands speak: tables for people, one JSON document with ``--json``, one sentence for an error.

Exit codes: 0, 1 when a run failed, 2 when it was asked for in a way that cannot be carried out.
"""

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from functools import wraps
from typing import IO, Annotated, Any, Final, TypeAlias, cast

import orjson
import typer
from rich.console import Console
from rich.table import Table

from triplane.cli.outlet import STDERR, STDOUT
from triplane.errors import BadInput, TriplaneError

FAILED, BAD_USAGE = 1, 2

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

console = Console()
errors = Console(stderr=True)


def never_block() -> None:
    """For a process that trades: from now on nothing that is printed can end it or hold it up, whoever has gone."""
    for console_, outlet in ((console, STDOUT), (errors, STDERR)):
        outlet.start()
        console_.file = cast("IO[str]", outlet)


@contextmanager
def one_sentence() -> Any:
    """Turn an error that Triplane raised on purpose into one sentence and an exit code."""
    try:
        yield
    except TriplaneError as error:
        told, code = ("Error", BAD_USAGE) if isinstance(error, BadInput) else ("Failed", FAILED)
        errors.print(f"[bold red]{told}:[/] {_plain(error)}", highlight=False, soft_wrap=True)
        raise typer.Exit(code) from None
    finally:
        STDOUT.drain()
        STDERR.drain()


@contextmanager
def result_alone(json: bool) -> Iterator[None]:
    """With ``--json`` what a user's code prints meanwhile goes to standard error: standard output is one document."""
    with redirect_stdout(sys.stderr) if json else nullcontext():
        yield


@contextmanager
def exit_code() -> Iterator[None]:
    """Where typer is not around: what it would have made an exit code of."""
    try:
        yield
    except typer.Exit as end:
        sys.exit(end.exit_code)


@dataclass(frozen=True)
class Report:
    """What a command found.

    Attributes
    ----------
    result
        For programs, as one JSON document.
    show
        Prints it for people.
    ok
        Whether the command succeeded; its exit code says so too.
    """

    result: object
    show: Callable[[], object]
    ok: bool = True


def keyword(name: str, kind: Any, default: object = None) -> inspect.Parameter:
    """A parameter that Typer makes an option of."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def reported(command: Callable[..., Report]) -> Callable[..., None]:
    """Make a command of what gives a report: with ``--json``, and one sentence for an error.

    A command that needs to know whether JSON is wanted has the parameter ``json`` itself.
    """
    signature = inspect.signature(command)
    parameters = list(signature.parameters.values())
    knows = "json" in signature.parameters
    if not knows:
        parameters.append(keyword("json", Json, False))

    @wraps(command)
    def run(*, json: bool, **given: Any) -> None:
        with one_sentence():
            with result_alone(json):
                report = command(**given, **({"json": json} if knows else {}))
            print_json(report.result) if json else report.show()
        if not report.ok:
            raise typer.Exit(FAILED)

    run.__signature__ = signature.replace(parameters=parameters, return_annotation=None)  # type: ignore[attr-defined]
    return run


def _plain(error: Exception) -> str:
    text = str(error).replace("[", r"\[")
    return text if text.endswith((".", ")", "?")) else text + "."


def progress(quiet: bool = False) -> Callable[[str], None]:
    """Progress lines go to standard error, so that standard output stays the result."""
    return (lambda _: None) if quiet else (lambda text: errors.print(f"[dim]{text}[/]", highlight=False))


def print_json(value: object) -> None:
    """One JSON document on standard output; numbers that are not finite become null."""
    data = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
    console.file.write(data.decode() + "\n")
    console.file.flush()


def print_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A table for people."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0, overflow="fold")  # a word that is too long is broken, never cut
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console.print(table)


def figure(value: object) -> str:
    """A figure for people."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 10 else f"{value:,.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


LABELS: Final = {
    "net_pnl": "net P&L",
    "pnl": "P&L",
    "cagr_pct": "CAGR %",
    "average_mae_pct": "average adverse excursion (MAE), % of entry",
    "average_mfe_pct": "average favourable excursion (MFE), % of entry",
    "exposure_pct": "time in the market %",
    "average_notional_pct": "mean notional, % of equity",
    "max_drawdown_pct": "largest drawdown %",
    "max_drawdown_bars": "longest drawdown, bars",
    "expectancy_r": "expectancy, R",
    "decisions_sha256": "decisions_sha256",
}
"""Figures whose name is not what people call them."""


def label(name: str) -> str:
    """What people call a figure."""
    return LABELS.get(name, name.replace("_pct", " %").replace("_", " "))


def print_figures(title: str, figures: Mapping[str, object]) -> None:
    """Name and value, one a line; what could not be computed says why."""
    why = figures.get("reasons")
    reasons: Mapping[str, str] = why if isinstance(why, Mapping) else {}
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in figures.items():
        if name in ("reasons", "params", "costs", "funnel", "sleeves", "markets"):
            continue
        shown = figure(value) + (f"  [dim]({reasons[name]})[/]" if name in reasons else "")
        table.add_row(label(name), shown)
    console.print(table)


def print_funnel(funnel: Mapping[str, Any]) -> None:
    """What became of the signals, the commonest reason first."""
    refused = [(f"refused by the {kind}: {why.replace('_', ' ')}", n) for kind in ("gate", "check")
               for why, n in funnel[kind].items()]  # fmt: skip
    lost = [(f"order {why}", n) for why, n in funnel["not_filled"].items()]
    rows = [
        *refused,
        ("not executed in time", funnel["not_executed"] or None),
        ("ordered", funnel["orders"]),
        ("of them smaller than the risk allows", funnel["capped"] or None),
        *lost,
        ("filled", funnel["filled"]),
        ("closed", funnel["trades"]),
    ]
    console.print()
    print_table(
        f"What became of {funnel['signals']:,} signals", ("", "count"), [row for row in rows if row[1] is not None]
    )
