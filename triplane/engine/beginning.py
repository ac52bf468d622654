"""Where a session comes from: an interrupted one of the account is continued, or a new one begins with what that has.

Other limits or costs are an amendment of the same session, in its journal. Everything else that decides (strategy,
parameters, symbols, timeframe, data) makes another session, on the same account: its money, its losses of the day, its
peak and its halts go on, and it must be flat.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from triplane.engine.account import MAIN, UNNAMED, Account, Record, records
from triplane.engine.journal import Reader
from triplane.engine.lock import FolderHeld, held
from triplane.engine.replay import OtherRules, ReplayError
from triplane.engine.session import JOURNAL, Observe, Session
from triplane.engine.setup import Setup, code_of, read_setup
from triplane.errors import TriplaneError
from triplane.kernel.codes import CommandKind
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
        unknown = _without_record(account, sessions, setup)
        session, notice = _continued(account, sessions, setup, core, observe, one_by_one)
        continued = session is not None
        if session is None:
            setup = replace(setup, opening=account.opening(notice))
            session = Session.create(sessions, setup, core)
            notice = " ".join(filter(None, (unknown, notice, _goes_on(account, setup))))
            session.observer = observe(session) if observe is not None else None
        session.adopt(account)
    except BaseException:
        account.release()
        raise
    return Opened(session, continued, notice)


def _without_record(account: Account, sessions: Path, setup: Setup) -> str:
    """An account that has no record, though a session traded on it and was interrupted: find that, or say so."""
    if account.record.saved_at:
        return ""
    newest = max(_interrupted(sessions, setup), default=None)
    if newest is None:
        return ""
    account.record = structs.replace(account.record, session=newest[1])
    return (
        f"Account {account.record.account} has no record, though session {newest[1]} traded on it and was interrupted: "
        "what that lost or left open is not known, and a new one begins."
    )


def _interrupted(sessions: Path, setup: Setup) -> Iterator[tuple[int, str]]:
    """When it began and the name of each session of an account that has no end."""
    for path in sessions.glob(f"*/{JOURNAL}"):
        try:
            reader = Reader(path)
            its = reader.meta["setup"]
            named = its.get("account") or MAIN
            same = (its["mode"], its["source"], named) == (setup.mode, setup.source, setup.account)
            if same and reader.meta["session"] == path.parent.name and reader.ending() is None:
                yield reader.meta["created_at"], path.parent.name
        except TriplaneError:  # not ours to repair
            continue


def _account(sessions: Path, setup: Setup) -> Account:
    """Hold the account to trade on. With no name given: that of an interrupted session with this setup comes first.

    Accounts that a person has named are traded by name only; and a ``main`` that a person has begun anew is meant to be
    traded next.
    """
    data_dir = sessions.parent
    name, waits = setup.account, {}
    for path, record in records(data_dir) if not name else ():
        if not isinstance(record, Record) or (record.mode, record.venue) != (setup.mode, setup.source):
            continue
        if UNNAMED.fullmatch(record.account):
            waits[record.account] = path, record
    if MAIN in waits and not waits[MAIN][1].session and not held(waits[MAIN][0].parent):
        waits.clear()
    for path, record in waits.values():
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
    name, code = reader.meta["session"], reader.meta["code"]
    if reader.ending() is not None:  # it was killed before the account heard of it
        account.record = structs.replace(account.record, finished=True, held={})
        return None, ""
    try:
        its = read_setup(reader.meta)
    except TriplaneError as error:
        return None, f"Session {name} is not continued: {error}"
    if not setup.continues(its):
        return None, ""
    try:
        del reader  # a file that is mapped cannot be cut everywhere
        session = Session.resume(sessions / name, core, observe, one_by_one=one_by_one)
    except OtherRules as error:
        return None, f"Session {name} is not continued: {error}"
    except ReplayError as error:
        if code == code_of(core):
            raise
        return None, f"Session {name} was made by other code and is not continued: {error}"
    return session, " ".join(filter(None, (_amended(session, setup), _halted(session, account.record))))


def _amended(session: Session, setup: Setup) -> str:
    """Give a session that goes on the settings of today; what a person has tightened meanwhile stays."""
    before = session.setup
    stays = _stays(setup, before.balance)
    if (before.trading, before.costs, before.instruments) == (setup.trading, setup.costs, setup.instruments):
        return stays
    was, now = before.trading.model_dump(), setup.trading.model_dump()
    changed = {name: value for name, value in now.items() if value != was[name]}
    session.amend(setup, session.trading.model_copy(update=changed))
    costs = zip(before.costs.model_dump().items(), setup.costs.model_dump().values(), strict=True)
    said = [f"{name} {was[name]} -> {value}" for name, value in changed.items()]
    said += [f"{name} {old} -> {new}" for (name, old), new in costs if old != new]
    said += ["the venue's trading rules"] if before.instruments != setup.instruments else []
    return f"Session {session.id} goes on with other settings: {', '.join(said)}. {stays}".strip()


def _halted(session: Session, record: Record) -> str:
    """The account has seen a halt that the journal does not hold any more: it is still one."""
    if not record.state.get("halted") or session.A["halted"].item(0):
        return ""
    for k in range(len(session.S)):
        session.command(CommandKind.HALT, k, code=int(record.state["halt_code"]))
    why = record.halt_reason
    return f"Its journal lacks its end; the account was halted ({why}), and is until a person resumes."


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
    text = f"Account {record.account} goes on with {setup.opening['balance']:,.2f}{before}"
    if any(one.quantity for one in record.held.values()):
        text += ", what was open closed in its books at the last price"
    if record.halt_reason is not None:
        text += f"; it is halted ({record.halt_reason}) until a person resumes"
    return f"{text}."
