"""Journals that an earlier Triplane wrote: as they are, and their inputs under the rules of today."""

import lzma
from pathlib import Path

from triplane.engine.journal import Journal, Kind, Reader
from triplane.engine.session import JOURNAL
from triplane.kernel.rules import RULES

HERE = Path(__file__).parent


def unpack(name: str, folder: Path) -> Path:
    """Write a journal as it was made; returns its path."""
    path = folder / JOURNAL
    path.write_bytes(lzma.decompress((HERE / f"{name}.tpj.xz").read_bytes()))
    return path


def again(name: str, folder: Path) -> Path:
    """Write a journal of the same session and inputs that names the rules of today and holds no rows; its path."""
    old = unpack(name, folder)
    reader = Reader(old)
    new = folder / "again.tpj"
    with Journal.create(new, {**reader.meta, "rules": RULES}) as journal:
        for frame in reader:
            if frame.kind not in (Kind.OUTPUT, Kind.SYNC, Kind.END):
                journal.append(Kind(frame.kind), bytes(frame.payload), frame.symbol, frame.n)
    return new.replace(old)
