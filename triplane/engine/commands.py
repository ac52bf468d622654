"""What a person may want of a running session, checked and carried out; each answers with a sentence."""

from collections.abc import Mapping
from typing import Any, Final

from triplane.engine.runner import Runner
from triplane.errors import BadInput, TriplaneError
from triplane.kernel.codes import Check, CommandKind, State
from triplane.model.money import number
from triplane.model.settings import LOOSEN, TradingSettings, checked, looser

Fields = Mapping[str, Any]
KINDS: Final = (
    "stop", "halt", "resume", "close", "cancel", "market", "execute", "expire", "simulate", "reset", "limits",
)  # fmt: skip
"""The commands, each a method."""


class Commands:
    """Commands of one session.

    Every method raises LookupError for what is not there, BadInput for a value that is not allowed, and TriplaneError
    for what is not possible in this state.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner, self._session = runner, runner.session

    def carry_out(self, kind: str, fields: Fields) -> str:
        """Carry out one command."""
        if kind not in KINDS:
            raise BadInput(f"command is {kind!r}; it must be one of {', '.join(KINDS)}.")
        if self._session.finished and kind != "stop":
            raise TriplaneError(f"Session {self._session.id} has ended; it takes no command ({kind}).")
        try:
            return str(getattr(self, kind)(fields))
        except KeyError as missing:
            raise BadInput(f"{missing.args[0]} is missing; the command {kind} needs it.") from None

    def _k(self, fields: Fields) -> int:
        """The row that is meant, by its name, or by its symbol where only one has it."""
        symbol, rows = fields.get("symbol"), self._session.setup.rows
        names = [row.name for row in rows]
        if symbol in names:
            return names.index(str(symbol))
        found = [k for k, row in enumerate(rows) if row.instrument.symbol == symbol]
        if len(found) > 1:
            raise BadInput(f"symbol is {symbol}; it must be one of {', '.join(names[k] for k in found)}.")
        if not found:
            raise LookupError(f"Symbol {symbol} is not in this session.")
        return found[0]

    def _state(self, k: int) -> str:
        return State(self._session.S[k]["core"]["state"]).name

    def stop(self, _: Fields) -> str:
        """End the run; the session can be continued."""
        self._runner.stop()
        return f"Session {self._session.id} stops; started again with the same arguments, it goes on."

    def halt(self, fields: Fields) -> str:
        """Throw the kill switch."""
        self._runner.halt(str(fields.get("reason", "by hand")), flatten=bool(fields.get("flatten", False)))
        return "The kill switch is on: no entries until a person resumes."

    def resume(self, _: Fields) -> str:
        """Acknowledge a halt."""
        self._runner.resume()
        return "The halt is acknowledged; the session goes on."

    def close(self, fields: Fields) -> str:
        """Close a position at market."""
        k = self._k(fields)
        if self._session.S[k]["core"]["position"]["lots"] == 0:
            raise LookupError(f"There is no open position in {fields['symbol']}.")
        self._runner.command(CommandKind.CLOSE, k, price=self._runner.price(k))
        if self._runner.execution is not None:
            return (
                f"An order to close the position in {fields['symbol']} at market goes to the venue; its fill is told."
            )
        return f"The position in {fields['symbol']} is closed at market."

    def _entry(self, k: int) -> None:
        if self._session.S[k]["core"]["legs"][0]["order"] == 0:
            raise LookupError(f"There is no pending entry order in {self._session.setup.rows[k].name}.")

    def cancel(self, fields: Fields) -> str:
        """Cancel the pending entry."""
        k = self._k(fields)
        self._entry(k)
        self._runner.command(CommandKind.CANCEL, k)
        return f"The entry order in {fields['symbol']} is cancelled."

    def market(self, fields: Fields) -> str:
        """Execute the pending entry at market."""
        k = self._k(fields)
        self._entry(k)
        self._runner.command(CommandKind.MARKET, k, price=self._runner.price(k))
        return f"The pending entry in {fields['symbol']} is executed at market."

    def execute(self, fields: Fields) -> str:
        """Let a pending signal go to risk and execution."""
        k, decision = self._k(fields), int(fields["decision"])
        self._waiting(k, decision)
        if not self._runner.command(CommandKind.EXECUTE, k, number=decision, price=self._runner.price(k)):
            raise TriplaneError(f"The signal was not executed: the session is {self._state(k)}, not SCANNING.")
        return f"The signal in {fields['symbol']} went to risk and execution."

    def expire(self, fields: Fields) -> str:
        """Let a pending signal go by."""
        k, decision = self._k(fields), int(fields["decision"])
        self._waiting(k, decision)
        self._runner.command(CommandKind.EXPIRE, k, number=decision)
        return f"The signal in {fields['symbol']} has expired."

    def _waiting(self, k: int, decision: int) -> None:
        if decision <= 0 or decision not in self._session.S[k]["core"]["waiting"]["decision"]:
            raise LookupError(f"No signal with decision {decision} waits for a person.")

    def simulate(self, fields: Fields) -> str:
        """Make up a signal."""
        k, side, stop = self._k(fields), int(fields["side"]), fields.get("stop")
        self._paper()
        if side not in (1, -1):
            raise BadInput(f"side is {side}; it must be 1 (buy) or -1 (sell).")
        if not self._runner.command(CommandKind.SIMULATE, k, side=side, price=float(stop or 0.0)):
            raise TriplaneError(f"No debug signal was made: the session is {self._state(k)}, not SCANNING.")
        return f"A debug signal in {fields['symbol']} went to risk and execution."

    def refusal(self, fields: Fields) -> dict[str, Any]:
        """What the core would refuse an entry for now: ``check``, ``value``, ``limit``; a check of None for nothing."""
        k, session = self._k(fields), self._session
        asked = [session.core.refusal(session.A, session.S, k, side) for side in (1, -1)]
        check, value, limit = next((one for one in asked if one[0] == Check.OK), asked[0])
        label = None if check == Check.OK else check.label
        return {"check": label, "value": number(value), "limit": number(limit)}

    def reset(self, fields: Fields) -> str:
        """Close everything and start the paper account again."""
        self._paper()
        balance = float(fields.get("balance") or self._session.setup.balance)
        if not 0.0 < balance < float("inf"):
            raise BadInput(f"balance is {balance}; it must be more than 0.")
        for k in range(len(self._session.S)):
            self._runner.command(CommandKind.CANCEL, k)
            self._runner.command(CommandKind.CLOSE, k, price=self._runner.price(k))
        self._runner.command(CommandKind.RESET, 0, price=balance)
        return f"The paper account starts again with {balance}."

    def _paper(self) -> None:
        mode = self._session.setup.mode
        if mode != "paper":
            raise TriplaneError(f"This is possible on paper only; the session's mode is {mode}.")

    def limits(self, fields: Fields) -> str:
        """Replace some of the limits: tighter ones at once, looser ones typed, beyond the configuration never."""
        now, ceiling = self._session.trading, self._session.setup.trading
        wanted = checked(TradingSettings, now.model_dump() | dict(fields["values"]), "Trading settings")
        beyond = looser(wanted, ceiling)
        if ceiling.execution_mode == "manual" and wanted.execution_mode == "auto":
            beyond.append("execution_mode")
        if beyond:
            name = beyond[0]
            raise BadInput(
                f"{name} is {getattr(wanted, name)}; while a session runs it may not be looser than its configuration "
                f"says, {getattr(ceiling, name)}. Change the configuration and start again."
            )
        loosened = looser(wanted, now)
        text = ", ".join(f"{name} {getattr(now, name)} -> {getattr(wanted, name)}" for name in loosened)
        if loosened and fields.get("confirm") != LOOSEN:
            raise TriplaneError(f'This loosens limits ({text}); to do so all the same, type "{LOOSEN}".')
        self._runner.set_limits(wanted)
        if loosened:
            self._runner.tell("limits_loosened", f"A person loosened limits: {text}.", "WARNING")
        return "The settings count from the next candle on."
