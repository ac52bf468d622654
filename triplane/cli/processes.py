"""Which processes ``triplane up`` consists of, what each is told, and what each may know.

``up`` has checked the settings by now and has become this process, which loads next to nothing, so that it can outlive
everything: ``python -m triplane.cli.processes FD`` reads from a pipe what to run. Exchange keys come down that pipe
too, and are in the environment of the router alone. The secret with which readers reach the engine, and the token of
the router, are made anew at each start. A data folder has one ``up``, which holds its lock.
"""

import asyncio
import contextlib
import json
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import typer
from rich.markup import escape

from triplane.cli.logs import configure_logs
from triplane.cli.output import FAILED, console, errors, exit_code, never_block, one_sentence, print_json
from triplane.cli.supervisor import Child, Supervisor
from triplane.engine.lock import FolderLock
from triplane.errors import TriplaneError
from triplane.flow.lifetime import stop_signal, work_until
from triplane.flow.listening import listen
from triplane.model.killswitch import KillSwitch
from triplane.venues.keys import without_keys

DATABASE: Final = "triplane.sqlite"
PAGE: Final = "page.json"
"""Tells other commands where the page of a data folder is, while it runs."""
MONEY: Final = {"testnet": "play money", "live": "REAL money"}
CANNOT: Final = (1, 2)
"""Exit codes of a child that has said in a sentence why it cannot start."""


class Processes:
    """The processes of one ``triplane up``.

    Parameters
    ----------
    told
        ``config`` (settings as JSON, without what is secret), ``token`` of the page, ``router_token`` of a router that
        runs elsewhere, ``alerts`` and ``processors``, ``keys`` (the variables for the router alone).
    """

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = told
        self._config: dict[str, Any] = dict(told["config"])
        data_dir = Path(self._config["data_dir"])
        self._page_file = data_dir / PAGE
        taken = (
            f"`triplane up` runs on {data_dir} already. Start a further session in it with `triplane start`, or use "
            "another folder with --data-dir"
        )
        self._lock = FolderLock(data_dir, taken, patience=1.0)
        self._secret = secrets.token_urlsafe(32)
        self._router_token = told["router_token"] or secrets.token_urlsafe(32)
        self._published = False
        self._supervisor = Supervisor()
        self._page_socket = listen(self._config["port"])
        self._sockets: list[socket.socket] = [self._page_socket]
        self.port: int = self._page_socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/?token={told['token']}"

    async def start(self) -> str:
        """Start all; gives the session's id. Raises Exit when one cannot start; it has said why."""
        config = self._config
        if config["venue"] == "box" and not config["box_rest"]:
            config |= await self._first(self._child("box", {}, listener=listen(0)), "box_rest", "box_ws")
        if config["mode"] != "paper" and config["router"] is None:
            router = self._child("router", {"token": self._router_token}, listener=listen(0), keys=True)
            config |= await self._first(router, "router")
        engine_socket = listen(0)
        known = {
            "secret": self._secret, "engine_port": engine_socket.getsockname()[1], "router_url": config["router"],
            "router_token": self._router_token,
        }  # fmt: skip
        engine = self._child("engine", known, listener=engine_socket)
        database = str(Path(config["data_dir"]) / DATABASE)
        page = {"token": self._told["token"], "port": self.port, "database": database}
        self._child("page", {**known, **page}, listener=self._page_socket)
        if self._told["alerts"] or self._told["processors"]:
            what = {name: self._told[name] for name in ("alerts", "processors")}
            self._child("subscribers", {**known, **what})
        return str((await self._first(engine, "session"))["session"])

    def _child(
        self, name: str, told: Mapping[str, Any], *, listener: socket.socket | None = None, keys: bool = False
    ) -> Child:
        """Start a process of its own."""
        message: dict[str, Any] = {"config": self._config, "data_dir": self._config["data_dir"], **told}
        if listener is not None:
            self._sockets.append(listener)
            message["fd"] = listener.fileno()
        child = Child(
            name,
            ["-m", "triplane.cli.process", name],
            lambda: message,
            descriptors=[listener.fileno()] if listener is not None else [],
            environment={**os.environ, **(self._told["keys"] if keys else {})},
            on_message=self._asked,
        )
        self._supervisor.start(child)
        return child

    async def _first(self, child: Child, *names: str) -> dict[str, Any]:
        """Wait until a child runs; gives what its first beat says."""
        code = await self._supervisor.ready(child)
        if code is not None:
            if code not in CANNOT:
                errors.print(f"[bold red]Failed:[/] the {child.name} process ended with code {code}.", highlight=False)
            raise typer.Exit(code if code in CANNOT else FAILED)
        return {name: child.first[name] for name in names}

    async def _asked(self, message: dict[str, Any]) -> None:
        """The page asks for a silent engine to be started again."""
        if message.get("restart") == "engine":
            self._supervisor.children["engine"].restart()

    async def run(self) -> None:
        """Start all, say so, and keep them alive; raises Exit when that cannot be."""
        session = await self.start()
        self._published = True
        with contextlib.suppress(OSError):  # a full disk: they cannot find it, and everything else goes on
            self._page_file.write_text(json.dumps({"port": self.port, "pid": os.getpid()}))
        self._announce(session)
        await self._supervisor.ended()
        raise typer.Exit(FAILED)

    def _announce(self, session: str) -> None:
        config, url = self._config, self.url
        if self._told["json"]:
            print_json({"url": url, "port": self.port, "session": session})
            return
        where = "on paper" if config["mode"] == "paper" else f"with {MONEY[config['mode']]} at {config['venue']}"
        title = f"\n  Triplane runs session [bold]{session}[/] {where}. Open\n"
        console.print(f"{title}\n    [link={url}]{url}[/link]\n", highlight=False, soft_wrap=True)
        thrown = KillSwitch(Path(config["data_dir"])).read()
        if thrown is not None:
            why = escape(thrown.reason or "no reason was given")
            text = (
                f"  [bold red]The kill switch is on[/] ({why}): no position is opened until you resume on the page.\n"
            )
            console.print(text, highlight=False, soft_wrap=True)
        console.print("  Ctrl-C stops it; the same command continues where it was.", highlight=False)

    @property
    def well(self) -> bool:
        """Whether the engine runs."""
        engine = self._supervisor.children.get("engine")
        return engine is not None and engine.alive

    async def stop(self) -> None:
        """Stop all."""
        if self._published:
            with contextlib.suppress(OSError):
                self._page_file.unlink(missing_ok=True)
        await self._supervisor.stop()
        for listener in self._sockets:
            listener.close()
        self._lock.release()


async def supervise(told: Mapping[str, Any]) -> None:
    """Run until a signal; raises Exit when the engine was not running at the end."""
    processes = Processes(told)
    try:
        await work_until(stop_signal().wait(), processes.run())
        if not processes.well:
            raise typer.Exit(FAILED)
    finally:
        await processes.stop()


def become(told: Mapping[str, Any]) -> None:
    """Turn the process that checked the settings into one that only supervises; does not return."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)  # it fits, or this fails at once
    clean = without_keys(os.environ)
    keys = {name: value for name, value in os.environ.items() if name not in clean}
    data = json.dumps({**told, "keys": keys}).encode()
    if os.write(writing, data) < len(data):
        raise TriplaneError("The settings are too long to be handed on.")
    os.close(writing)
    os.set_inheritable(reading, True)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, "-m", "triplane.cli.processes", str(reading)], clean)  # noqa: S606 - ourselves


def main() -> None:
    """Run what the pipe says."""
    with os.fdopen(int(sys.argv[1]), "rb") as pipe:
        told = json.load(pipe)
    configure_logs()
    never_block()
    with exit_code(), one_sentence():
        asyncio.run(supervise(told))


if __name__ == "__main__":
    main()
