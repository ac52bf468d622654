"""``triplane strategies``: the strategies that can be traded, and their parameters."""

from typing import Annotated, Any

import typer

from triplane.cli.output import Report, console, print_table, reported
from triplane.errors import TriplaneError
from triplane.strategies.registry import find, names, source_of


@reported
def strategies(
    name: Annotated[str | None, typer.Argument(help="Show one strategy with its parameters.")] = None,
) -> Report:
    """List the strategies, or show one with its parameters."""
    if name:
        one = _described(name)
        return Report(one, lambda: _print(one))
    found = [_listed(known) for known in names()]
    rows = [(one["name"], one.get("timeframe", ""), one.get("error") or one["text"]) for one in found]
    return Report(found, lambda: print_table("Strategies", ("name", "timeframe", "what it does"), rows))


def _listed(name: str) -> dict[str, Any]:
    """One of many; a file that cannot be loaded does not keep the others from being listed."""
    try:
        return _described(name)
    except TriplaneError as error:
        return {"name": name, "error": str(error)}


def _described(name: str) -> dict[str, Any]:
    strategy = find(name)
    params = [
        {
            "name": p.name,
            "default": p.choices[int(p.default)] if p.choices else p.default,
            "low": p.low,
            "high": p.high,
            "choices": p.choices,
            "text": p.text,
        }
        for p in strategy.params
    ]
    about = {"name": strategy.name, "text": strategy.text, "timeframe": strategy.timeframe}
    return {**about, "file": str(source_of(name)), "params": params}


def _print(one: dict[str, Any]) -> None:
    console.print(f"[bold]{one['name']}[/] ({one['timeframe']})\n{one['text']}\n{one['file']}", highlight=False)
    params = [
        (p["name"], p["default"], ", ".join(p["choices"]) or f"{p['low']} … {p['high']}", p["text"])
        for p in one["params"]
    ]
    print_table("Parameters", ("name", "default", "range", "meaning"), params)
