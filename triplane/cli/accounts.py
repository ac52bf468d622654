"""``triplane accounts``: what outlives the sessions that trade on an account, and how a person begins it anew."""

from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import replace

from triplane.cli.options import DATA_DIR
from triplane.cli.output import Report, console, print_table, reported
from triplane.engine.account import Account, Record, folder_of, give_up, records
from triplane.errors import BadInput, TriplaneError

app = typer.Typer(help="List the accounts of a data folder, or begin one anew.", no_args_is_help=True)
Kept = Annotated[Path, typer.Option(help="Where sessions and accounts are kept.")]
Name = Annotated[str, typer.Argument(help="Name of the account, as `triplane accounts list` shows it.")]
Mode = Annotated[str, typer.Option(help="paper, testnet or live.")]
Venue = Annotated[
    str | None, typer.Option(help="Where it trades, or the path of recorded data; needed when several have this name.")
]


def _described(record: Record) -> dict[str, Any]:
    state = record.state
    return {
        "account": record.account,
        "mode": record.mode,
        "venue": record.venue,
        "session": record.session or None,
        "epoch": record.epoch,
        "balance": state.get("balance"),
        "peak_equity": state.get("peak_equity"),
        "day_equity": state.get("day_equity"),
        "trades_today": int(state.get("trades_today", 0)),
        "halt_reason": record.halt_reason,
        "open": {symbol: one.quantity for symbol, one in record.held.items() if one.quantity},
        "saved_at": record.saved_at,
    }


@app.command("list")
@reported
def list_accounts(data_dir: Kept = DATA_DIR) -> Report:
    """List the accounts: money, halts, and what is open."""
    if not data_dir.is_dir():
        raise BadInput(f"data-dir is {data_dir}, which does not exist")
    found: list[dict[str, Any]] = []
    for path, record in records(data_dir):
        if isinstance(record, Record):
            found.append(_described(record))
        else:
            found.append({"account": path.parent.name, "error": str(record)})
    rows = [
        (
            one["account"], one.get("mode"), one.get("venue"),
            "" if one.get("balance") is None else f"{one['balance']:,.2f}",
            one.get("halt_reason") or one.get("error") or "",
            ", ".join(f"{quantity:g} {symbol}" for symbol, quantity in one.get("open", {}).items()),
            one.get("session") or "",
        )
        for one in found
    ]  # fmt: skip
    columns = ("account", "mode", "venue", "balance", "halted", "open", "newest session")
    return Report(found, lambda: print_table("Accounts", columns, rows))


def _folder(data_dir: Path, name: str, mode: str, venue: str | None) -> str:
    """Of an account whose record does not tell what it is of."""
    return "" if venue is None else folder_of(data_dir, mode, venue, name).name


def _one(data_dir: Path, name: str, mode: str, venue: str | None) -> tuple[Path, Record | TriplaneError]:
    """The account that is meant."""
    places = (venue, str(Path(venue or "").resolve()))
    found = [
        (path, record)
        for path, record in records(data_dir)
        if (
            isinstance(record, Record)
            and (record.account, record.mode) == (name, mode)
            and (venue is None or record.venue in places)
        )
        or (not isinstance(record, Record) and path.parent.name in (name, _folder(data_dir, name, mode, venue)))
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise BadInput(f"account is {name!r}; there is none of this name and mode, see `triplane accounts list`")
    there = ", ".join(record.venue for _, record in found if isinstance(record, Record))
    raise BadInput(f"account is {name!r}; there are several, say which with --venue: {there}")


@app.command()
@reported
def reset(name: Name, mode: Mode = "paper", venue: Venue = None, data_dir: Kept = DATA_DIR) -> Report:
    """Begin a paper account anew: fresh money, no halt, nothing open. Its sessions stay, and count no more."""
    path, record = _one(data_dir, name, mode, venue)
    if isinstance(record, TriplaneError):
        if not path.parent.name.startswith("paper-"):
            raise BadInput(f"{record} Only a paper account can be reset; at a venue, close what is open there and "
                           "move the file away by hand.")  # fmt: skip
        text = f"The damaged record is kept as {give_up(path)}; the account begins anew."
    elif record.mode != "paper":
        raise BadInput(f"mode is {record.mode}; only a paper account can be reset. When what it holds was closed "
                       f"elsewhere, say so: triplane accounts settled {name} --mode {record.mode}")  # fmt: skip
    else:
        account = Account(data_dir, record.mode, record.venue, record.account)
        account.write(replace(account.record, session="", finished=False, state={"epoch": record.epoch + 1}, held={}))
        account.release()
        text = f"Account {name} begins anew with the next session."
    return Report({"account": name, "message": text}, lambda: console.print(text, highlight=False, soft_wrap=True))


@app.command()
@reported
def settled(name: Name, mode: Mode, venue: Venue = None, data_dir: Kept = DATA_DIR) -> Report:
    """Say that what the account held was closed by hand at the venue; the next session is a new one, halts stay."""
    _, record = _one(data_dir, name, mode, venue)
    if isinstance(record, TriplaneError):
        raise record
    if record.mode == "paper":
        raise BadInput("mode is paper; there is nothing to settle: triplane accounts reset begins it anew")
    account = Account(data_dir, record.mode, record.venue, record.account)
    account.write(replace(account.record, session="", held={}))
    account.release()
    text = f"Account {name} is flat now, as you say; the next session is a new one, and halts stay."
    return Report({"account": name, "message": text}, lambda: console.print(text, highlight=False, soft_wrap=True))
