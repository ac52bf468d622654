"""``triplane alerts``: which targets there are, and whether alerts reach them."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from triplane.alerts.alert import Alert
from triplane.alerts.config import AlertTarget, shown
from triplane.alerts.samples import samples
from triplane.alerts.senders import NotSent, Sender
from triplane.alerts.service import open_sender
from triplane.alerts.target import attempt
from triplane.cli.config import resolve
from triplane.cli.output import Report, print_table, reported
from triplane.errors import BadInput, TriplaneError
from triplane.venues.keys import protect_logs

app = typer.Typer(help="See where alerts go, and try it.", no_args_is_help=True)

File = Annotated[Path | None, typer.Option("--config", help="Configuration file; by default triplane.yaml.")]


def _targets(path: Path | None) -> list[AlertTarget]:
    protect_logs()
    found = resolve(path, {}).alerts
    if not found:
        raise BadInput("The configuration has no alert targets; add some under alerts")
    return found


@app.command("list")
@reported
def show(config: File = None) -> Report:
    """List the targets of the configuration; addresses are shown without what is secret in them."""
    rows = [_row(target) for target in _targets(config)]
    return Report(rows, lambda: print_table("Alert targets", tuple(rows[0]), [row.values() for row in rows]))


def _row(target: AlertTarget) -> dict[str, Any]:
    try:
        open_sender(target)
        problem = ""
    except TriplaneError as error:
        problem = str(error)
    return {"name": target.called(), "address": shown(target.address()), "severity": target.severity,
            "kinds": ", ".join(target.kinds) or "all", "symbols": ", ".join(target.symbols) or "all",
            "per minute": target.per_minute, "problem": problem}  # fmt: skip


@app.command("test")
@reported
def try_out(
    config: File = None, target: Annotated[str | None, typer.Option(help="Only the target of this name.")] = None
) -> Report:
    """Send one alert of each kind that a target wants, and say what its service answered."""
    known = _targets(config)
    chosen = [one for one in known if target in (None, one.called())]
    if not chosen:
        names = ", ".join(one.called() for one in known)
        raise BadInput(f"No alert target is called {target}; there are: {names}")
    rows = asyncio.run(_try_all(chosen))
    columns = ("target", "alert", "answer")
    table = [[row[name] for name in columns] for row in rows]
    return Report(rows, lambda: print_table("Alerts", columns, table), all(row["sent"] for row in rows))


async def _try_all(targets: list[AlertTarget]) -> list[dict[str, Any]]:
    rows = []

    def note(alert: str, sent: bool, answer: str) -> None:
        rows.append({"target": one.called(), "alert": alert, "answer": answer, "sent": sent})

    for one in targets:
        try:
            sender = open_sender(one)
        except TriplaneError as error:
            note("", False, str(error))
            continue
        for alert in samples():
            if one.wants(alert):
                note(f"{alert.kind}: {alert.title}", *await _try(sender, alert))
        await sender.close()
    return rows


async def _try(sender: Sender, alert: Alert) -> tuple[bool, str]:
    """Whether it was sent, and what the service answered; a service that asks to wait is asked again."""
    for _ in range(3):
        try:
            return True, await attempt(sender, alert)
        except NotSent as error:
            answer = str(error)
            if error.after is None:
                break
            await asyncio.sleep(error.after)
    return False, answer
