"""Where a session comes from: an interrupted one of the account is continued, or a new one begins with what that has.

Other limits or costs are an amendment of the same session, in its journal. Everything else that decides (strategy,
parameters, symbols, timeframe, data) makes another session, on the same account: its money, its losses of the day, its
peak and its halts go on, and it must be flat.
"""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from triplane.engine.account import Account, Record, records
from triplane.engine.journal import Reader
from triplane.engine.lock import FolderHeld, held
from triplane.engine.replay import OtherRules, ReplayError
from triplane.engine.session import JOURNAL, Observe, Session
from triplane.engine.setup import Setup, code_of, read_setup
from triplane.errors import TriplaneError
from triplane.strategies.compiler import Core


class Opened(NamedTuple):
    """A session and how it was opened; ``notice`` is a sentence when an interrupted one could not be continued."""

    session: "Session"
    continued: bool
    notice: str


def open_session(
    sessions: Path, setup: Setup, core: Core, observe: Observe | None = None, *, one_by_one: bool = False
) -> Opened:
    """Continue the newest session of the account when it is the same undertaking and was interrupted, else begin one.

    An interrupted session whose decisions the code of today would not make again (it was changed since) is left as it
    is, and a new one begins. With unchanged code that is an error.

    Raises
    ------
    TriplaneError
        The account is traded by another session, or is not flat, or its record or journal is damaged or gone.
    """
    account = _account(sessions, setup)
    setup = replace(setup, account=account.record.account)
    try:
        session, notice = _continued(account, sessions, setup, core, observe, one_by_one)
        continued = session is not None
        if session is None:
            setup = replace(setup, opening=account.opening())
            session = Session.create(sessions, setup, core)
            notice = f"{notice} {_goes_on(account, setup)}".strip()
            session.observer = observe(session) if observe is not None else None
    except BaseException:
        account.release()
        raise
    session.adopt(account)
    return Opened(session, continued, notice)


def _account(sessions: Path, setup: Setup) -> Account:
    """Hold the account to trade on; with no name given, that of an interrupted session with this setup comes first."""
    data_dir = sessions.parent
    name = setup.account
    for path, record in records(data_dir) if not name else ():
        if not isinstance(record, Record) or (record.mode, record.venue) != (setup.mode, setup.source):
            continue
        if record.finished or not _is_of(sessions, record.session, setup):
            continue
        if held(path.parent):
            raise FolderHeld(sessions / record.session)
        name = record.account
        break
    return Account.take(data_dir, setup.mode, setup.source, name)


def _is_of(sessions: Path, session: str, setup: Setup) -> bool:
    """Whether there is a journal of this session, and its setup is of the same undertaking."""
    try:
        return bool(session) and setup.continues(read_setup(Reader(sessions / session / JOURNAL).meta))
    except TriplaneError:
        return False


def _continued(
    account: Account, sessions: Path, setup: Setup, core: Core, observe: Observe | None, one_by_one: bool
) -> tuple[Session | None, str]:
    """The interrupted session of the account, and a sentence about it; None when a new one has to begin."""
    if not account.record.session or account.record.finished:
        return None, ""
    reader = account.require_journal(sessions)
    name = reader.meta["session"]
    if reader.ending() is not None or not _is_of(sessions, name, setup):
        return None, ""
    code = reader.meta["code"]
    del reader  # a file that is mapped cannot be cut everywhere
    try:
        session = Session.resume(sessions / name, core, observe, one_by_one=one_by_one)
    except OtherRules as error:
        return None, f"Session {name} is not continued: {error}"
    except ReplayError as error:
        if code == code_of(core):
            raise
        return None, f"Session {name} was made by other code and is not continued: {error}"
    before = session.setup
    if (before.trading, before.costs) == (setup.trading, setup.costs):
        return session, _stays(setup, before.balance)
    session.amend(setup.trading, setup.costs)
    changes = ", ".join(
        f"{field} {was[field]} -> {value}"
        for was, now in ((before.trading.model_dump(), setup.trading), (before.costs.model_dump(), setup.costs))
        for field, value in now.model_dump().items()
        if was[field] != value
    )
    notice = f"Session {name} goes on with other settings: {changes}. {_stays(setup, before.balance)}"
    return session, notice.strip()


def _stays(setup: Setup, began_with: float) -> str:
    """What to say of a balance that was asked for and is not what the account has."""
    if setup.mode != "paper" or setup.balance == began_with:
        return ""
    return (
        f"It keeps its money: a balance of {setup.balance:,.2f} is for an account that begins anew (another name, or "
        "`triplane accounts reset`)."
    )


def _goes_on(account: Account, setup: Setup) -> str:
    """What a person should know of an account that a new session goes on with."""
    record = account.record
    if "balance" not in setup.opening:
        return ""
    before = f", as session {record.session} left it" if record.session else ""
    text = f"Account {record.account} goes on with {record.state['balance']:,.2f}{before}"
    if record.halt_reason is not None:
        text += f"; it is halted ({record.halt_reason}) until a person resumes"
    return f"{text}."
