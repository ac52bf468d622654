"""``triplane parity``: paper against real on an exchange in a box."""

from typing import Annotated, Any

import typer

from triplane.cli.logs import configure_logs
from triplane.cli.options import Set, parse_list, parse_set
from triplane.cli.output import Report, console, print_figures, print_table, reported


@reported
def parity(
    strategy: Annotated[str, typer.Option(help="Name of a strategy, or path of a strategy file.")] = "ema_cross",
    minutes: Annotated[int, typer.Option(help="Minutes of market time.")] = 240,
    symbols: Annotated[str, typer.Option(help="Markets, separated by commas.")] = "BTCUSDT,ETHUSDT",
    timeframe: Annotated[str, typer.Option(help="Bars to decide on.")] = "1m",
    seed: Annotated[int, typer.Option(help="Seed of the generated market.", min=0)] = 1,
    lag: Annotated[int, typer.Option(help="Network delay each way, milliseconds.", min=0, max=1000)] = 40,
    set_: Set = None,
) -> Report:
    """Trade one market on paper and for real, and explain every difference; exit code 1 when one has no reason."""
    configure_logs()
    from triplane.research.parity import compare  # noqa: PLC0415 - the exchange compiles when it is loaded

    result = compare(
        strategy,
        minutes=minutes,
        symbols=parse_list(symbols.upper()),
        params=parse_set(set_ or []),
        timeframe=timeframe,
        seed=seed,
        lag=lag,
    )
    return Report(result.to_dict(), lambda: _print(result.to_dict()), result.agree)


def _print(found: dict[str, Any]) -> None:
    differences = found.pop("differences")
    agree = found.pop("agree")
    for title, figures in found.items():
        print_figures(title.replace("_", " "), figures if title != "exits" else _exits(figures))
    if differences:
        columns = ("symbol", "decided", "side", "class", "paper", "real")
        print_table("Trades that differ", columns, [_row(one) for one in differences])
    verdict = "every difference has its reason" if agree else "[bold red]some differences have no reason[/]"
    console.print(f"\nPaper and real: {verdict}. docs/parity.md explains the classes.", highlight=False)


def _exits(figures: dict[str, dict[str, int]]) -> dict[str, str]:
    names = sorted(set(figures["paper"]) | set(figures["real"]))
    return {
        name: f"{figures['paper'].get(name, 0)} on paper, {figures['real'].get(name, 0)} for real" for name in names
    }


def _row(difference: dict[str, Any]) -> tuple[object, ...]:
    side = "long" if difference["side"] > 0 else "short"
    exits = _exit(difference, "paper"), _exit(difference, "real")
    return difference["symbol"], difference["time"], side, difference["class"], *exits


def _exit(difference: dict[str, Any], side: str) -> str | None:
    return difference[side]["exit"] or "open" if side in difference else None
