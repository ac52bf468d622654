"""``triplane db``: rebuild the store from the journals, or prove that it says what they say."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from triplane.cli.options import DATA_DIR
from triplane.cli.output import Json, Report, console, errors, print_table, reported
from triplane.cli.processes import DATABASE
from triplane.engine.facts import facts_of
from triplane.engine.lock import held
from triplane.engine.session import JOURNAL
from triplane.errors import BadInput
from triplane.store.rebuild import Checked, Rebuilt
from triplane.store.rebuild import check as check_store
from triplane.store.rebuild import rebuild as rebuild_store

app = typer.Typer(help="Look after the database of what happened.", no_args_is_help=True)

Sessions = Annotated[list[str] | None, typer.Argument(help="Ids of sessions. Default: all.")]
DataDir = Annotated[Path, typer.Option(help="Where sessions and the database are kept.")]
Database = Annotated[str | None, typer.Option(help="Another database: a file, or an SQLAlchemy address.")]


def _folders(data_dir: Path, names: list[str] | None) -> list[Path]:
    there = {path.parent.name: path.parent for path in sorted(data_dir.glob(f"sessions/*/{JOURNAL}"))}
    if not there:
        raise BadInput(f"data-dir is {data_dir}, which holds no sessions")
    if unknown := set(names or ()) - set(there):
        raise BadInput(f"There is no session {', '.join(sorted(unknown))} in {data_dir}")
    return [there[name] for name in names] if names else list(there.values())


def _target(data_dir: Path, database: str | None) -> Path | str:
    return data_dir / DATABASE if database is None else database if "://" in database else Path(database)


@app.command()
@reported
def rebuild(
    sessions: Sessions = None, data_dir: DataDir = DATA_DIR, database: Database = None, json: Json = False
) -> Report:
    """Rebuild the database from the journals; the old one is kept beside it.

    Results of backtests, parameter sets and sessions without a readable journal stay.
    """
    done: list[Rebuilt] = []
    folders = _folders(data_dir, sessions)
    with Progress(console=errors, transient=True, disable=json) as progress:
        task = progress.add_task("Sessions", total=len(folders))

        def tell(rebuilt: Rebuilt) -> None:
            done.append(rebuilt)
            progress.advance(task)

        backup = rebuild_store(_target(data_dir, database), folders, facts_of, tell)

    def show() -> None:
        rows = [(one.session_id, f"{one.facts:,}", one.error) for one in done]
        print_table("Rebuilt", ("session", "facts", "cannot be read"), rows)
        if backup is not None:
            console.print(f"The database as it was: {backup}", highlight=False, soft_wrap=True)

    result = {"sessions": [asdict(one) for one in done], "backup": None if backup is None else str(backup)}
    return Report(result, show, not any(one.error for one in done))


@app.command()
@reported
def check(
    sessions: Sessions = None, data_dir: DataDir = DATA_DIR, database: Database = None, json: Json = False
) -> Report:
    """Compare the database with the journals, without writing anything."""
    folders, target = _folders(data_dir, sessions), _target(data_dir, database)
    if isinstance(target, Path) and not target.exists():
        raise BadInput(f"There is no database {target}; triplane db rebuild makes it")
    with Progress(console=errors, transient=True, disable=json) as progress:
        done = list(progress.track(check_store(target, folders, facts_of), total=len(folders)))
    running = {folder.name for folder in folders if held(folder)}
    rows = [_row(one, one.session_id in running) for one in done]
    return Report(
        [asdict(one) | {"ok": one.ok} for one in done],
        lambda: print_table("The database and the journals", ("session", "facts stored", "verdict"), rows),
        all(one.ok for one in done),
    )


def _row(checked: Checked, running: bool) -> tuple[str, str, str]:
    if not checked.session_id:  # candles belong to all sessions of a market
        return "all", "", _verdict(checked, running)
    return checked.session_id, f"{checked.stored:,} of {checked.facts:,}", _verdict(checked, running)


def _verdict(checked: Checked, running: bool) -> str:
    if checked.error:
        return checked.error
    if checked.different:
        tables = (
            f"{table} ({there:,} rows, {due:,} by the journal)"
            if there != due
            else f"{table} ({there:,} rows, with other values)"
            for table, (there, due) in checked.different.items()
        )
        return f"different: {', '.join(tables)}; triplane db rebuild {checked.session_id}".rstrip()
    if checked.stored == checked.facts:
        return "the same"
    when = "follow while it runs" if running else "follow when triplane up starts again"
    return f"the same so far; the last {checked.facts - checked.stored:,} {when}"
