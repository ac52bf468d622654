"""How long the work of a process lasts: until a signal, until its supervisor is gone, or until a part of it fails."""

import asyncio
import signal
from collections.abc import Awaitable
from typing import Any


async def work_until(end: Awaitable[Any], *work: Awaitable[Any]) -> None:
    """Work until ``end`` or a part of the work returns, then cancel the rest; raises what any of them raises."""
    tasks = [asyncio.ensure_future(one) for one in (end, *work)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def stop_signal() -> asyncio.Event:
    """What is set when this process is asked to stop from now on: SIGINT, SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
