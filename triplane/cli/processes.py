"""Which processes ``triplane up`` consists of, what each is told, and what each may know.

Exchange keys are in the environment of the router alone. The secret with which readers reach the engine, and the
token of the router, are made anew at each start and go down a pipe.
"""

import asyncio
import json
import os
import secrets
import socket
from collections.abc import Mapping
from typing import Any

import typer

from triplane.cli.config import Config
from triplane.cli.serving import listen
from triplane.cli.supervisor import Child, Supervisor
from triplane.cli.trading import router_token
from triplane.venues.keys import without_keys

DATABASE = "triplane.sqlite"


class Processes:
    """The processes of one ``triplane up``.

    Parameters
    ----------
    config
        What to run.
    token
        Of the page.
    """

    def __init__(self, config: Config, token: str) -> None:
        self._config, self._token = config, token
        self._secret, self._router_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._supervisor = Supervisor()
        self._page_socket = listen(config.port)
        self._sockets: list[socket.socket] = [self._page_socket]
        self.port: int = self._page_socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/?token={token}"

    async def start(self) -> str:
        """Start all; gives the session's id. Raises typer.Exit when one cannot start; it has said why."""
        config = self._config
        if config.venue == "box" and not config.box_rest:
            box = self._child("box", {}, listener=listen(0))
            config = config.model_copy(update=await self._first(box, "box_rest", "box_ws"))
        if config.mode != "paper" and config.router is None:
            router = self._child("router", {"token": self._router_token}, config, listener=listen(0), keys=True)
            config = config.model_copy(update=await self._first(router, "router"))
        elif config.mode != "paper":
            self._router_token = router_token()
        engine_socket = listen(0)
        known = {"secret": self._secret, "engine_port": engine_socket.getsockname()[1]}
        leave_by = {"router_url": config.router, "router_token": self._router_token}
        engine = self._child("engine", {**known, **leave_by}, config, listener=engine_socket)
        page = self._child(
            "page",
            {**known, **leave_by, "token": self._token, "port": self.port, "database": str(config.data_dir / DATABASE)},
            config,
            listener=self._page_socket,
        )
        if config.alerts or config.processors:
            told = {"alerts": [one.plain() for one in config.alerts], "processors": config.processors}
            self._child("subscribers", {**known, **told}, config)
        await self._first(page)
        session = (await self._first(engine, "session"))["session"]
        return str(session)

    def _child(
        self,
        name: str,
        told: Mapping[str, Any],
        config: Config | None = None,
        listener: socket.socket | None = None,
        *,
        keys: bool = False,
    ) -> Child:
        """Start a process of its own."""
        settings = json.loads((config or self._config).model_dump_json(exclude={"alerts", "processors"}))
        environment = dict(os.environ)
        message: dict[str, Any] = {"config": settings, "data_dir": settings["data_dir"], **told}
        if listener is not None:
            self._sockets.append(listener)
            message["fd"] = listener.fileno()
        child = Child(
            name,
            ["-m", "triplane.cli.process", name],
            lambda: message,
            descriptors=[listener.fileno()] if listener is not None else [],
            environment=environment if keys else without_keys(environment),
            on_message=self._asked,
        )
        self._supervisor.start(child)
        return child

    async def _first(self, child: Child, *names: str) -> dict[str, Any]:
        """Wait until a child runs; gives what its first beat says."""
        code = await self._supervisor.ready(child)
        if code is not None:
            raise typer.Exit(abs(code) if 0 < abs(code) < 100 else 1)
        return {name: child.first[name] for name in names}

    async def _asked(self, message: dict[str, Any]) -> None:
        """The page asks for a silent engine to be started again."""
        if message.get("restart") == "engine":
            self._supervisor.children["engine"].restart()

    async def watch(self, stop: asyncio.Event) -> None:
        """Return when asked to stop; raises typer.Exit when a process cannot be kept alive."""
        stopping = asyncio.create_task(stop.wait())
        ended = asyncio.create_task(self._supervisor.ended())
        await asyncio.wait({stopping, ended}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        ended.cancel()
        if not stop.is_set():
            raise typer.Exit(1)

    @property
    def healthy(self) -> bool:
        """Whether the engine runs."""
        engine = self._supervisor.children.get("engine")
        return engine is not None and engine.pid is not None

    async def stop(self) -> None:
        """Stop all, in reverse."""
        await self._supervisor.stop()
        for listener in self._sockets:
            listener.close()
