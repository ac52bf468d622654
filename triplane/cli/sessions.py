"""``triplane sessions``, ``start``, ``stop`` and ``verify``: what runs and ran, and the proof of it."""

import json as json_module
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from triplane.cli.options import DATA_DIR, Set, parse_list, parse_set
from triplane.cli.output import Report, console, print_figures, print_funnel, print_table, reported
from triplane.cli.processes import PAGE
from triplane.data.candles import utc
from triplane.engine.journal import Reader
from triplane.engine.lock import held
from triplane.engine.portfolio import is_portfolio, load_portfolio
from triplane.engine.session import JOURNAL
from triplane.engine.verify import VerifyResult, session_folder
from triplane.engine.verify import verify as verify_journal
from triplane.errors import BadInput, TriplaneError
from triplane.kernel.rules import RULES
from triplane.model.killswitch import KillSwitch

Kept = Annotated[Path, typer.Option(help="Where sessions are kept.")]
Running = Annotated[Path, typer.Option(help="Data folder of the running `triplane up`.")]
ANSWER_S = 150.0
"""A strategy may have to be compiled."""


def _describe(path: Path) -> dict[str, Any]:
    reader = Reader(path)
    setup, ending = reader.meta["setup"], reader.ending()
    return {
        "session": reader.meta["session"],
        "status": "finished" if ending else "running" if held(path.parent) else "interrupted",
        "mode": setup["mode"],
        "strategy": setup["strategy"],
        "symbols": [i["symbol"] for i in setup["instruments"]],
        "source": setup["source"],
        "started_at": reader.meta["created_at"],
        "decisions_sha256": ending.get("decisions_sha256") if ending else None,
        "bytes": path.stat().st_size,
    }


@reported
def sessions(
    session: Annotated[str | None, typer.Argument(help="Id of a session of the running `triplane up`.")] = None,
    data_dir: Kept = DATA_DIR,
) -> Report:
    """List the sessions of a data folder, the newest first; or tell the figures of one that runs."""
    if session is not None:
        return _figures(session, data_dir)
    if not data_dir.is_dir():
        raise BadInput(f"data-dir is {data_dir}, which does not exist")
    found = []
    for path in sorted(data_dir.glob(f"sessions/*/{JOURNAL}"), reverse=True):
        try:
            found.append(_describe(path))
        except TriplaneError as error:
            found.append({"session": path.parent.name, "status": f"unreadable: {error}"})
    rows = [
        (s["session"], s["status"], s.get("strategy"), ", ".join(s.get("symbols", [])), s.get("source"), _when(s))
        for s in found
    ]
    columns = ("session", "status", "strategy", "symbols", "source", "started (UTC)")
    return Report(found, lambda: print_table("Sessions", columns, rows))


def _figures(session: str, data_dir: Path) -> Report:
    found = ask(data_dir, f"/trades/performance?session={quote(session, safe='')}")
    halts = [
        f"{one['reason'].replace('_', ' ')} at {utc(one['at'])}, "
        + ("until now" if one["until"] is None else f"until {utc(one['until'])}")
        for one in found["halts"]
    ]
    named = {name: value for name, value in found.items() if name != "session_id"}

    def show() -> None:
        print_figures(f"Session {session}", {**named, "halts": halts})
        print_funnel(found["funnel"])

    return Report(found, show)


@reported
def start(
    strategy: Annotated[
        str | None,
        typer.Argument(help="Name of a strategy, or path of a portfolio (.yaml); by default the configured one."),
    ] = None,
    symbols: Annotated[str, typer.Option(help="Markets, separated by commas; by default the configured ones.")] = "",
    timeframe: Annotated[str | None, typer.Option(help="Bars to decide on; by default the strategy's own.")] = None,
    source: Annotated[str | None, typer.Option(help="Market data; by default the configured one.")] = None,
    mode: Annotated[str | None, typer.Option(help="paper, testnet or live; by default the configured one.")] = None,
    account: Annotated[str | None, typer.Option(help="Name of the account; by default the first that is free.")] = None,
    balance: Annotated[float | None, typer.Option(help="Paper money to start with.")] = None,
    params: Set = None,
    data_dir: Running = DATA_DIR,
) -> Report:
    """Start a further session in the engine of a running `triplane up`; what is not said is inherited."""
    wanted: dict[str, Any] = {
        "strategy": strategy, "timeframe": timeframe, "source": source, "mode": mode, "account": account,
        "balance": balance,
        "symbols": parse_list(symbols.upper()) or None,
        "parameters": parse_set(params) if params else None,
    }  # fmt: skip
    if strategy is not None and is_portfolio(strategy):
        sleeves = [one.model_dump(exclude_defaults=True) for one in load_portfolio(Path(strategy))]
        wanted |= {"strategy": None, "portfolio": sleeves}
    answer = ask(data_dir, "/api/sessions/start", {k: v for k, v in wanted.items() if v is not None})
    halted = ", but the kill switch is on: it is halted until you resume it" if KillSwitch(data_dir).on else ""
    said = f"Session {answer.get('id')} of {answer.get('strategy')} has started{halted}."
    return Report(answer, lambda: console.print(said, highlight=False))


@reported
def stop(session: Annotated[str, typer.Argument(help="Id of a session.")], data_dir: Running = DATA_DIR) -> Report:
    """Stop a session of a running `triplane up`; it can be continued."""
    answer = ask(data_dir, f"/api/sessions/{quote(session, safe='')}/stop", {})
    return Report(answer, lambda: console.print(answer["message"], highlight=False))


def ask(data_dir: Path, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Post to the page of the `triplane up` that runs on a data folder; without a body, read from it."""
    try:
        page = json_module.loads((data_dir / PAGE).read_text())
        port, token = int(page["port"]), (data_dir / "token").read_text().strip()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        port, token = 0, ""
    if not port or not held(data_dir):  # whoever has the port of one that is gone must not be given the token
        raise TriplaneError(f"No `triplane up` runs on {data_dir}; start it, or give its folder with --data-dir")
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        content = None if body is None else json_module.dumps(body)
        connection.request("GET" if content is None else "POST", path, content, headers)
        answer = connection.getresponse()
        found: dict[str, Any] = json_module.loads(answer.read())
    except (OSError, HTTPException, ValueError) as error:
        raise TriplaneError(f"The page on port {port} does not answer ({error or type(error).__name__})") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise (BadInput if answer.status in (404, 422) else TriplaneError)(str(found.get("message", answer.status)))
    return found


def _when(session: dict[str, Any]) -> str:
    started = session.get("started_at")
    return "" if started is None else f"{datetime.fromtimestamp(started / 1000, tz=UTC):%Y-%m-%d %H:%M:%S}"


@reported
def verify(
    session: Annotated[str, typer.Argument(help="Id of a session, or path of its folder.")], data_dir: Kept = DATA_DIR
) -> Report:
    """Replay a session's journal and prove that every decision is the same, byte for byte."""
    given = Path(session)
    result = verify_journal(given if (given / JOURNAL).is_file() else session_folder(data_dir, session))
    return Report(result.to_dict(), lambda: console.print(_verdict(result), highlight=False, soft_wrap=True), result.ok)


def _verdict(result: VerifyResult) -> str:
    if result.difference is not None:
        return f"[bold red]Different:[/] {result.difference.what} {result.note}".strip()
    state = "finished" if result.finished else "not finished yet"
    lines = f"{result.candles:,} candles, {result.rows:,} rows, {result.decisions:,} decisions ({state})"
    proven = "Same" if result.rules == RULES else "Whole"
    return f"[bold green]{proven}:[/] {lines}\ndecisions_sha256 {result.decisions_sha256} {result.note}".strip()
