"""Databases to test with: a file of SQLite, and a real PostgreSQL server where there is one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import create_engine, text

NUMBERS = count()


def _programs() -> Path | None:
    """The folder of PostgreSQL's server; Debian does not put it on the path."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return places[-1] if places else None


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL server of its own, on a socket in a folder; skips where none is installed."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with TemporaryDirectory(prefix="pg") as place:  # a short path: a socket's name may have 107 characters
        folder = Path(place)
        who: dict[str, Any] = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            who = {"user": "nobody"}
            shutil.chown(folder, "nobody")

        def call(program: str, *arguments: object) -> None:
            command = [programs / program, "-D", folder / "data", *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **who)

        call("initdb", "-U", "postgres", "-A", "trust", "-N")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        call("pg_ctl", "-o", options, "-l", folder / "log", "-w", "start")
        yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        call("pg_ctl", "-m", "immediate", "-w", "stop")


@pytest.fixture
def postgresql(server: str) -> str:
    """The address of an empty place in PostgreSQL: a schema of its own, which costs less than a database."""
    name = f"test{next(NUMBERS)}"
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    engine.dispose()
    return f"{server}&options=-csearch_path%3D{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return tmp_path / "triplane.sqlite"
    address: str = request.getfixturevalue("postgresql")
    return address
