"""A router's service on a port of this process."""

import asyncio
from contextlib import asynccontextmanager

import uvicorn

from triplane.api.router import create_router_app
from triplane.flow.listening import listen
from triplane.venues.base import Approved

TOKEN = "token-of-the-test"


def place(router, order):
    return router.place(Approved(order))


@asynccontextmanager
async def served(router, port=0, **options):
    """Serve an open router; gives the address."""
    listener = listen(port)
    port = listener.getsockname()[1]
    app = create_router_app(router, TOKEN, port=port, **options)
    config = uvicorn.Config(
        app, log_level="critical", ws="websockets-sansio", lifespan="on", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving
        listener.close()
