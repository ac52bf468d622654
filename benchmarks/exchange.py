"""The exchange in a box: orders a second, through sockets and without.

The clients sign beforehand and run in this process, the box in its own.
"""

import asyncio
import hashlib
import hmac
import json
import subprocess
import sys
import time
from urllib.parse import quote

from benchmarks.timing import table
from triplane.data.clock import SystemClock
from triplane.exchange.opening import open_exchange
from triplane.exchange.rest import handle

ORDERS = 8000
CONNECTIONS = 8
LIMIT = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=40000&newClientOrderId={}"
MARKET = "symbol=BTCUSDT&side={}&type=MARKET&quantity=0.002&newClientOrderId={}"


def sign(query: str) -> str:
    query += f"&recvWindow=60000&timestamp={int(time.time() * 1000)}"
    return f"{query}&signature={hmac.new(b'box-secret', query.encode(), hashlib.sha256).hexdigest()}"


def scripts(name: str) -> list[tuple[str, str, str, int]]:
    """Method, path, query and number of orders of each request."""
    path, out = "/fapi/v1/order", []
    for i in range(ORDERS // (5 if name == "batches of 5" else 1)):
        if name == "market":
            out.append(("POST", path, sign(MARKET.format("BUY" if i % 2 else "SELL", f"m{i}")), 1))
        elif name == "limit, then cancel":
            out.append(("POST", path, sign(LIMIT.format(f"l{i}")), 1))
            out.append(("DELETE", path, sign(f"symbol=BTCUSDT&origClientOrderId=l{i}"), 0))
        else:
            rows = [
                {"symbol": "BTCUSDT", "side": "BUY" if (i + k) % 2 else "SELL", "type": "MARKET", "quantity": "0.002"}
                for k in range(5)
            ]
            out.append(("POST", "/fapi/v1/batchOrders", sign("batchOrders=" + quote(json.dumps(rows))), 5))
    return out


async def client(port: int, requests: list[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        at = head.index(b"content-length:") + 15
        body = await reader.readexactly(int(head[at : head.index(b"\r\n", at)]))
        assert b'"orderId"' in body, body
    writer.close()


async def over_sockets(port: int, name: str) -> float:
    script = scripts(name)
    wire = [
        f"{method} {path}?{query} HTTP/1.1\r\nHost: box\r\nX-MBX-APIKEY: box-key\r\nContent-Length: 0\r\n\r\n".encode()
        for method, path, query, _ in script
    ]
    pairs = [wire[i : i + 2] for i in range(0, len(wire), 2)]  # an order and its cancel stay on one connection
    parts = [[r for pair in pairs[k::CONNECTIONS] for r in pair] for k in range(CONNECTIONS)]
    begin = time.perf_counter()
    await asyncio.gather(*(client(port, part) for part in parts))
    return sum(n for *_, n in script) / (time.perf_counter() - begin)


def without(name: str) -> float:
    x = open_exchange(clock=SystemClock(), accounts=["box-key:box-secret:100000000"], limits=False)
    script = scripts(name)
    begin = time.perf_counter()
    for method, path, query, _ in script:
        reply = handle(x, method, path, query, "", "box-key")
        assert reply.status == 200, reply.body
    return sum(n for *_, n in script) / (time.perf_counter() - begin)


def main() -> None:
    """Print both."""
    rows = []
    for name in ("market", "limit, then cancel", "batches of 5"):
        command = [sys.executable, "-m", "triplane.cli.main", "exchange", "--no-limits", "--json"]
        command += ["--account", "box-key:box-secret:100000000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as box:
            port = int(json.loads(box.stdout.readline())["rest"].rsplit(":", 1)[1]) if box.stdout else 0
            rows.append((name, f"{asyncio.run(over_sockets(port, name)):,.0f}", f"{without(name):,.0f}"))
            box.terminate()
    table("Exchange in a box, orders a second", ("orders", f"HTTP, {CONNECTIONS} connections", "in one process"), rows)


if __name__ == "__main__":
    main()
