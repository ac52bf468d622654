"""``triplane sessions`` and ``triplane verify``: what was run, and the proof that it would be decided so again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from triplane.cli.output import FAILED, Json, console, one_sentence, print_json, print_table
from triplane.engine.journal import Reader
from triplane.engine.session import JOURNAL
from triplane.engine.verify import VerifyResult, session_folder
from triplane.engine.verify import verify as verify_journal
from triplane.errors import BadInput, TriplaneError

DATA_DIR = Path("triplane-data")


def _describe(path: Path) -> dict[str, Any]:
    reader = Reader(path)
    setup, ending = reader.meta["setup"], reader.ending()
    return {
        "session": reader.meta["session"],
        "status": "finished" if ending else "interrupted",
        "mode": setup["mode"],
        "strategy": setup["strategy"],
        "symbols": [i["symbol"] for i in setup["instruments"]],
        "source": setup["source"],
        "started_at": reader.meta["created_at"],
        "decisions_sha256": ending.get("decisions_sha256") if ending else None,
        "bytes": path.stat().st_size,
    }


def sessions(
    data_dir: Annotated[Path, typer.Option(help="Where sessions are kept.")] = DATA_DIR,
    json: Json = False,
) -> None:
    """List the sessions of a data folder, the newest first."""
    with one_sentence():
        if not data_dir.is_dir():
            raise BadInput(f"data-dir is {data_dir}, which does not exist")
        found = []
        for path in sorted(data_dir.glob(f"sessions/*/{JOURNAL}"), reverse=True):
            try:
                found.append(_describe(path))
            except TriplaneError as error:
                found.append({"session": path.parent.name, "status": f"unreadable: {error}"})
        if json:
            print_json(found)
            return
        rows = [
            (s["session"], s["status"], s.get("strategy"), ", ".join(s.get("symbols", [])), s.get("source"), _when(s))
            for s in found
        ]
        print_table("Sessions", ("session", "status", "strategy", "symbols", "source", "started (UTC)"), rows)


def _when(session: dict[str, Any]) -> str:
    started = session.get("started_at")
    return "" if started is None else f"{datetime.fromtimestamp(started / 1000, tz=UTC):%Y-%m-%d %H:%M:%S}"


def verify(
    session: Annotated[str, typer.Argument(help="Id of a session, or path of its folder.")],
    data_dir: Annotated[Path, typer.Option(help="Where sessions are kept.")] = DATA_DIR,
    json: Json = False,
) -> None:
    """Replay a session's journal and prove that every decision is the same, byte for byte."""
    with one_sentence():
        given = Path(session)
        folder = given if (given / JOURNAL).is_file() else session_folder(data_dir, session)
        result = verify_journal(folder)
        if json:
            print_json(result.to_dict())
        else:
            console.print(_verdict(result), highlight=False, soft_wrap=True)
    if not result.ok:
        raise typer.Exit(FAILED)


def _verdict(result: VerifyResult) -> str:
    if result.difference is not None:
        return f"[bold red]Different:[/] {result.difference.what} {result.note}".strip()
    state = "finished" if result.finished else "not finished yet"
    lines = f"{result.candles:,} candles, {result.rows:,} rows, {result.decisions:,} decisions ({state})"
    return f"[bold green]Same:[/] {lines}\ndecisions_sha256 {result.decisions_sha256} {result.note}".strip()
