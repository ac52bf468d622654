"""The database beside the page: opened when it can be, filled as facts come. Neither its start nor its failures hold up
what people see of the sessions that run.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from triplane.errors import TriplaneError
from triplane.model.facts import Fact
from triplane.store import Projector, Store, StoreError
from triplane.store.parameter_sets import sync_parameter_sets

log = structlog.get_logger(__name__)

AGAIN_S: Final = 2.0
CLOSE_S: Final = 5.0
OPENING: Final = "The database is being opened."


class Storing:
    """A store and what fills it.

    Parameters
    ----------
    target
        File or address of the database.
    data_dir
        Where sessions and parameter sets lie.
    """

    def __init__(self, target: str, data_dir: Path) -> None:
        self._target: str | Path = target if "://" in target else Path(target)
        self._data_dir = data_dir
        self._store: Store | None = None
        self._projector: Projector | None = None
        self._newest: dict[str, Fact] = {}
        self._problem = OPENING

    @property
    def store(self) -> Store:
        """The database; raises StoreError while it cannot be used."""
        if self._store is None:
            raise StoreError(self._problem)
        return self._store

    # -------------------------------------------------------------------------------------------------------- how it is
    @property
    def behind(self) -> int:
        """Facts that are not stored yet, as far as that is known."""
        if self._projector is None:
            return sum(fact.seq for fact in self._newest.values())
        return self._projector.lag

    @property
    def age(self) -> float:
        """Seconds for which facts have waited and none was stored."""
        return self._projector.age if self._projector is not None else 0.0

    @property
    def error(self) -> str | None:
        """Why nothing can be stored now."""
        if self._projector is None:
            return None if self._problem == OPENING else self._problem
        return self._projector.error or None

    # ------------------------------------------------------------------------------------------------------------- life
    def on_facts(self, facts: Sequence[Fact]) -> None:
        """Take facts of one session, in order; returns at once."""
        if self._projector is None:  # those before the newest are read from the file when their time comes
            self._newest[facts[-1].session_id] = facts[-1]
        else:
            self._projector.on_facts(facts)

    async def open(self) -> None:
        """Open the database, again and again until that succeeds, and begin to store."""
        while True:
            try:
                store = await asyncio.to_thread(self._open)
            except TriplaneError as error:
                if self._problem != str(error):
                    log.warning("the database cannot be opened", error=str(error))
                self._problem = str(error)
                await asyncio.sleep(AGAIN_S)
            else:
                break
        projector = Projector(store, self._data_dir / "sessions")
        for fact in self._newest.values():
            projector.on_facts([fact])
        projector.start()
        self._store, self._projector = store, projector

    def _open(self) -> Store:
        store = Store(self._target)
        try:
            sync_parameter_sets(store, self._data_dir / "parameter_sets")
        except TriplaneError as error:
            log.warning("the parameter sets are not in the database", error=str(error))
        return store

    def close(self) -> None:
        """Store what waits, and let go."""
        if self._projector is not None:
            self._projector.close(CLOSE_S)
        if self._store is not None:
            self._store.close()
