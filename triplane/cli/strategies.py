"""``triplane strategies``: the strategies that can be traded, and their parameters."""

from typing import Annotated

import typer

from triplane.cli.output import Json, console, one_sentence, print_json, print_table
from triplane.strategies.registry import find, names, source_of


def strategies(
    name: Annotated[str | None, typer.Argument(help="Show one strategy with its parameters.")] = None,
    json: Json = False,
) -> None:
    """List the strategies, or show one with its parameters."""
    with one_sentence():
        found = [find(n) for n in ([name] if name else names())]
        described = [
            {
                "name": s.name,
                "text": s.text,
                "timeframe": s.timeframe,
                "file": str(source_of(given)),
                "params": [
                    {"name": p.name, "default": p.default, "low": p.low, "high": p.high, "text": p.text}
                    for p in s.params
                ],
            }
            for s, given in zip(found, [name] if name else names(), strict=True)
        ]
        if json:
            print_json(described[0] if name else described)
        elif name:
            one = described[0]
            console.print(f"[bold]{one['name']}[/] ({one['timeframe']})\n{one['text']}\n{one['file']}", highlight=False)
            params = [(p.name, p.default, f"{p.low} … {p.high}", p.text) for p in found[0].params]
            print_table("Parameters", ("name", "default", "range", "meaning"), params)
        else:
            rows = [(d["name"], d["timeframe"], d["text"]) for d in described]
            print_table("Strategies", ("name", "timeframe", "what it does"), rows)
