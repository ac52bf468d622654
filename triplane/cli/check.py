"""``triplane check``: is a strategy safe to run compiled?"""

from dataclasses import asdict
from typing import Annotated

import typer

from triplane.cli.options import Set, parse_set
from triplane.cli.output import Json, Report, console, progress, reported
from triplane.research.check import check as check_strategy


@reported
def check(
    strategy: Annotated[str, typer.Argument(help="Path of a strategy file, or name of a strategy.")],
    set_: Set = None,
    json: Json = False,
) -> Report:
    """Run a strategy over a few generated candles twice, without the compiler and with it, and compare both."""
    progress(quiet=json)(f"Running {strategy} without the compiler and with it …")
    found = check_strategy(strategy, parse_set(set_ or []))

    def show() -> None:
        text = str(found.problem or f"{strategy}: fine, the same in both runs. {found.outcome}.")
        console.print(text, highlight=False, markup=False, soft_wrap=True)
        if found.note:
            console.print(found.note, highlight=False, soft_wrap=True)

    return Report(asdict(found), show, ok=found.problem is None)
