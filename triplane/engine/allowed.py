"""What a session may be started with over the API: a strategy is code, and so is a file that somebody else put there.

On the command line any file will do, for whoever types there may run anything. Over the API a name that is registered
passes, and a file only when it lies in a folder that was set aside for it, wherever links lead.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from triplane.errors import BadInput
from triplane.strategies.registry import names
from triplane.venues.catalogue import with_data


def check_strategy(name: str, folders: Sequence[Path]) -> str:
    """Give a registered name as it is and a file of ``folders`` as its real path; refuse everything else.

    A file of ``folders`` may also be called by its name without ``.py``.
    """
    if name in names():
        return name
    for path in _inside(name if name.endswith(".py") else f"{name}.py", folders):
        if path.suffix == ".py" and path.is_file():
            return str(path)
    raise BadInput(_sentence("strategy", name, names(), "a .py file in", folders))


def check_source(name: str, folders: Sequence[Path]) -> str:
    """Give the name of a venue or of the generated market as it is and a file or folder as its real path."""
    known = ["demo", *with_data()]
    if name in known:
        return name
    for path in _inside(name, folders):
        return str(path)
    raise BadInput(_sentence("source", name, known, "recorded candles in", folders))


def _inside(name: str, folders: Sequence[Path]) -> Iterator[Path]:
    """The real paths that a name can mean, of those that exist and lie in one of the folders."""
    for candidate in (Path(name), *(folder / name for folder in folders)) if name else ():
        try:
            path = candidate.resolve(strict=True)
            if any(path.is_relative_to(folder.resolve(strict=True)) for folder in folders if folder.exists()):
                yield path
        except (
            OSError,
            ValueError,
            RuntimeError,
        ):  # there is none, it is too long, holds a null byte, links in a circle
            continue


def _sentence(field: str, name: str, known: Sequence[str], what: str, folders: Sequence[Path]) -> str:
    """The same for a file that does not exist and for one that is not allowed: what there is elsewhere is not told."""
    places = " or ".join(map(str, folders)) or "no folder at all"
    return f"{field} is {name[:100]!r}; it must be one of {', '.join(known)}, or {what} {places}"
