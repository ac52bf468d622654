"""The facts of a session, replayed from its journal."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from triplane.engine.emitter import Emitter
from triplane.engine.journal import Reader
from triplane.engine.session import JOURNAL, Session
from triplane.engine.setup import read_setup
from triplane.model.facts import Fact
from triplane.strategies.compiler import Core


class Collector:
    """Keeps facts in a list."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def take(self, facts: Sequence[Fact]) -> None:
        """Take facts."""
        self.facts += facts


def facts_of(folder: Path, core: Core | None = None) -> Iterator[Fact]:
    """Every fact of a session, in order, under the numbers that it has always had.

    Raises
    ------
    TriplaneError
        The journal cannot be read, does not give the same rows again, or its strategy is not there any more.
    """
    reader = Reader(folder / JOURNAL)
    core = core or read_setup(reader.meta).core()
    session = Session(folder, reader.meta, core)
    collector = Collector()
    session.observer = Emitter(session, consumers=[collector])
    for _ in session.steps(reader, one_by_one=True):
        yield from collector.facts
        collector.facts = []
    yield from collector.facts
