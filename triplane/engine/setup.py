"""What a session was started with. It stands in the journal's header, and makes the same core again for every replay.

Two sessions with equal setups, limits and costs aside, are the same undertaking: started again, the second continues
the first.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Final, Self

import numpy as np

from triplane.data.instruments import Instrument
from triplane.engine.portfolio import Row, Sleeve, rows_of
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.errors import TriplaneError
from triplane.kernel.inputs import COMMAND
from triplane.kernel.records import CANDLE, LIMITS
from triplane.kernel.rows import OUTPUT
from triplane.kernel.rules import RULES
from triplane.model.settings import PLAIN, START_BALANCE
from triplane.strategies.base import Number
from triplane.strategies.compiler import Core, Part, compile_strategies, kernel_hash
from triplane.strategies.registry import find, source_of
from triplane.version import __version__

Array = np.ndarray[Any, Any]

_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True)
class Setup:
    """The arguments of a session.

    Parameters
    ----------
    strategy
        Name or path, as for ``registry.find``; of a portfolio all of them, for people.
    params
        Checked parameters, all of them.
    instruments
        The markets, in the order in which candles name them.
    base_ms, timeframe_ms
        Milliseconds of a base candle and of a decision bar; of a portfolio the shortest.
    balance
        Quote currency to start with.
    source
        Where the candles come from, for people, and part of the identity.
    mode
        ``paper``, ``testnet`` or ``live``; all but the first are executed by a venue.
    fixed_lots
        > 0: research; this size always.
    hold
        Stay in BOOTSTRAP until history is loaded.
    data
        What the strategy is given before it starts, such as a regime model; JSON.
    account
        Name of the account, see ``account.py``; empty on paper is the first that is free.
    opening
        Columns of the core's account that it begins with; those of a fresh account are left out.
    portfolio
        The sleeves, when there are several; then strategy, params, timeframe_ms and data decide nothing.
    """

    strategy: str
    params: Mapping[str, Number]
    instruments: tuple[Instrument, ...]
    base_ms: int
    timeframe_ms: int
    balance: float = START_BALANCE
    source: str = ""
    mode: str = "paper"
    fixed_lots: int = 0
    hold: bool = False
    trading: TradingSettings = field(default_factory=lambda: TradingSettings.model_validate({}))
    data: Mapping[str, Any] = field(default_factory=dict)
    costs: CostSettings = field(default_factory=lambda: CostSettings.model_validate({}).charged())
    account: str = ""
    opening: Mapping[str, float] = field(default_factory=dict)
    portfolio: tuple[Sleeve, ...] = ()

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the markets."""
        return tuple(i.symbol for i in self.instruments)

    @cached_property
    def sleeves(self) -> tuple[Sleeve, ...]:
        """What is traded."""
        alone = Sleeve(self.strategy, self.params, self.symbols, self.timeframe_ms, data=self.data)
        return self.portfolio or (alone,)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Each symbol of each sleeve, in the order of their numbers."""
        return rows_of(self.sleeves, self.instruments)

    @property
    def strategies(self) -> tuple[str, ...]:
        """The strategies of the sleeves, each once."""
        return tuple(dict.fromkeys(sleeve.strategy for sleeve in self.sleeves))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **{one.name: getattr(self, one.name) for one in fields(self)},
            "params": dict(self.params),
            "instruments": [i.to_dict() for i in self.instruments],
            "trading": self.trading.model_dump(),
            "costs": self.costs.model_dump(),
            "data": dict(self.data),
            "opening": dict(self.opening),
            "portfolio": [sleeve.to_dict() for sleeve in self.portfolio],
        }

    @property
    def start_equity(self) -> float:
        """Equity at its very beginning, quote currency."""
        return float(self.opening.get("balance", self.balance))

    def continues(self, other: "Setup") -> bool:
        """Whether a session with this setup is the same undertaking as one with the other.

        Limits, costs and a venue's minimums may differ: then the session is amended. Its grids may not, for prices and
        quantities are counted in them. What the account began with is its own affair.
        """
        names = {one.name for one in fields(self)} - {
            "trading",
            "costs",
            "balance",
            "account",
            "opening",
            "instruments",
        }
        mine, its = (json.loads(json.dumps(one.to_dict())) for one in (self, other))
        grids = [[(i.symbol, i.tick_size, i.lot_size) for i in one.instruments] for one in (self, other)]
        return all(mine[name] == its[name] for name in names) and grids[0] == grids[1]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Reverse of :meth:`to_dict`."""
        values = dict(data)
        values["instruments"] = tuple(Instrument.from_dict(i) for i in values["instruments"])
        values["trading"] = TradingSettings.model_validate(values["trading"])
        values["costs"] = CostSettings.model_validate({**PLAIN, **values["costs"]})
        values["portfolio"] = tuple(Sleeve.from_dict(one) for one in values.get("portfolio", ()))
        return cls(**values)

    @classmethod
    def of(cls, sleeves: Sequence[Sleeve], instruments: Sequence[Instrument], base_ms: int, **more: Any) -> Self:
        """The setup of a portfolio, or of a single strategy when that is all there is."""
        first, several = sleeves[0], len(sleeves) > 1 or sleeves[0].name != ""
        alone = not several and first.symbols == tuple(i.symbol for i in instruments)
        return cls(
            strategy=" + ".join(dict.fromkeys(one.strategy for one in sleeves)),
            params=first.params if alone else {},
            instruments=tuple(instruments),
            base_ms=base_ms,
            timeframe_ms=min(one.timeframe_ms for one in sleeves),
            data=first.data if alone else {},
            portfolio=() if alone else tuple(sleeves),
            **more,
        )

    def start(self, core: Core) -> tuple[Array, Array]:
        """The account and the states at the very beginning.

        A journal of an earlier Triplane may name parameters that are gone, and lack some that are new.
        """
        account, states = core.assemble(
            [self._part(sleeve, core) for sleeve in self.sleeves],
            costs=self.costs.to_record(),
            limits=self.trading.to_record(self.fixed_lots),
            base_ms=self.base_ms,
            balance=self.balance,
            hold=self.hold,
            external=self.mode != "paper",
        )
        for name, value in self.opening.items():
            account[name] = value
        if "balance" in self.opening:
            for name in ("start_balance", "equity", "judged_equity"):
                account[name] = account["balance"]
        return account, states

    def _part(self, sleeve: Sleeve, core: Core) -> Part:
        number = self.strategies.index(sleeve.strategy)
        rows = [row for row in self.rows if row.sleeve is sleeve]
        return Part(
            [row.instrument for row in rows],
            [row.market for row in rows],
            {p.name: sleeve.params.get(p.name, p.default) for p in core.strategies[number].params},
            sleeve.timeframe_ms,
            sleeve.data,
            number,
        )

    def core(self) -> Core:
        """Find and compile the strategies."""
        return compile_strategies([(find(name), source_of(name)) for name in self.strategies])


def fingerprints() -> dict[str, str]:
    """What the records in a journal look like; another layout cannot be read."""
    records = {"candle": CANDLE, "command": COMMAND, "limits": LIMITS, "output": OUTPUT}
    return {
        name: hashlib.sha256(f"{dtype.itemsize} {sorted((dtype.fields or {}).items())}".encode()).hexdigest()[:16]
        for name, dtype in records.items()
    }


def new_id(now_ms: int) -> str:
    """A session's name: its start in UTC, which sorts, and four random letters: ``260131-235959-k3fx``."""
    moment = time.strftime("%y%m%d-%H%M%S", time.gmtime(now_ms / 1000))
    return f"{moment}-{''.join(secrets.choice(_LETTERS) for _ in range(4))}"


def make_meta(session_id: str, setup: Setup, core: Core, now_ms: int) -> dict[str, Any]:
    """The header of a journal."""
    return {
        "session": session_id,
        "created_at": now_ms,
        "setup": setup.to_dict(),
        "records": fingerprints(),
        "rules": RULES,
        "code": code_of(core),
    }


def code_of(core: Core) -> dict[str, str]:
    """Hashes of everything that decides."""
    return {"triplane": __version__, "kernel": kernel_hash(), "strategy": core.source_hash}


def read_setup(meta: Mapping[str, Any]) -> Setup:
    """The setup in a journal's header; raises TriplaneError when this version cannot read it or its records."""
    if meta.get("records") != fingerprints():
        version = meta.get("code", {}).get("triplane", "another version")
        raise TriplaneError(
            f"The journal of session {meta.get('session')} was written by Triplane {version}, whose records differ "
            f"from those of this version, {__version__}."
        )
    try:
        return Setup.from_dict(meta["setup"])
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise TriplaneError(
            f"The journal of session {meta.get('session')} has a setup that cannot be read: {error!r}."
        ) from error


def settings_of(record: Array) -> TradingSettings:
    """Reverse of ``TradingSettings.to_record``."""
    names = set(TradingSettings.model_fields) & set(LIMITS.names or ())
    values = {name: record[0][name].item() for name in names}
    if values["min_sharpe"] != values["min_sharpe"]:
        values["min_sharpe"] = None
    values["execution_mode"] = "manual" if record[0]["manual"] else "auto"
    return TradingSettings.model_validate(values)
