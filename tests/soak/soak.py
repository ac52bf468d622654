"""An hour of an exchange in a box, fast and full of faults, through everything that trades: nothing lost, nothing kept.

What runs is what ``triplane up`` runs, in this process: live feed, session with journal, page and store, order
manager, adapter and private stream, over loopback; the box is a process of its own. Now and then the faults end and the
kill switch flattens; then the books must be the venue's, and memory, tasks and sockets what they were before.

Usage: ``python tests/soak/soak.py --minutes 60 --speed 60 --seed 1``; prints figures, exit code 1 when something broke.
"""

import argparse
import asyncio
import gc
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "chaos"))

from random_schedule import fault_by
from simulation import LIMITS, RANDOM

from triplane.cli.logs import configure_logs
from triplane.data.binance import Place
from triplane.data.clock import SystemClock
from triplane.engine.journal import Kind, Reader
from triplane.engine.opening import Options, open_runner
from triplane.engine.session import JOURNAL
from triplane.engine.setup import Setup
from triplane.engine.sources import open_source
from triplane.execution.ids import parse_client_id
from triplane.execution.messages import trade_number
from triplane.kernel.codes import CommandKind
from triplane.kernel.inputs import COMMAND
from triplane.model.settings import CostSettings
from triplane.store import Projector, Store
from triplane.strategies.registry import find
from triplane.venues.adapter import Urls
from triplane.venues.catalogue import open_venue

SYMBOLS = ("BTCUSDT", "ETHUSDT")
MINUTE = 60_000
LONGEST = 3.0
"""Seconds of a fault, at most; what the box hides or holds back longer would outlive the run."""
QUIET = 60.0
"""Seconds of real time that may pass until the books are the venue's, once the faults have ended."""
GROWTH_MB = 12.0
"""Resident memory may grow by so much from one quiet moment to the last one."""


class _To:
    """The database, as a consumer of facts."""

    def __init__(self, projector: Projector) -> None:
        self._projector = projector

    def take(self, facts) -> None:
        self._projector.on_facts(facts)


class Box:
    """The exchange, in a process of its own, and its remote control."""

    def __init__(self, speed: float, seed: int) -> None:
        command = [sys.executable, "-m", "triplane.cli.main", "exchange", "--json", "--speed", f"{speed:g}"]
        self._process = subprocess.Popen(
            [*command, "--seed", str(seed), "--symbols", ",".join(SYMBOLS)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        urls = json.loads(self._process.stdout.readline())
        self.rest, self.sockets = urls["rest"], urls["ws"]
        self.pid = self._process.pid

    async def ask(self, method: str, path: str, body: object = None) -> dict:
        """A request of the remote control; the client does not outlive it."""
        async with httpx.AsyncClient(base_url=self.rest, timeout=30, trust_env=False) as http:
            reply = await http.request(method, path, json=body)
            assert reply.status_code == 200, reply.text
            return reply.json()

    async def account(self) -> dict:
        return (await self.ask("GET", "/box/state"))["accounts"]["box-key"]

    async def market_ms(self) -> int:
        return (await self.ask("GET", "/box/clock"))["market"]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        assert self._process.stdout is not None
        self._process.stdout.close()


def resident_mb(pid: int | str = "self") -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def descriptors(pid: int | str = "self") -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


class Soak:
    """One run."""

    def __init__(self, minutes: float, speed: float, seed: int, quiets: int) -> None:
        self.minutes, self.speed, self.seed, self.quiets = minutes, speed, seed, quiets
        self.dice = random.Random(seed)
        self.faults: Counter[str] = Counter()
        self.findings: Counter[str] = Counter()
        self.problems: list[str] = []
        self.moments: list[dict[str, object]] = []
        self.halts = 0

    async def run(self, folder: Path) -> None:
        """Everything; then the process must hold what it held before."""
        await asyncio.to_thread(gc.collect)  # also starts the first thread, which stays
        before = len(asyncio.all_tasks()), descriptors()
        self.box = Box(self.speed, self.seed)
        try:
            async with AsyncExitStack() as stack:
                await self._open(folder, stack)
                await self._trade()
        finally:
            self.box.stop()
        for _ in range(100):  # sockets are closed a turn or two after they were let go of
            after = len(asyncio.all_tasks()), descriptors()
            if after <= before:
                break
            await asyncio.sleep(0.05)
        else:
            self.problems.append(f"tasks and descriptors were {before} before and are {after} afterwards")
        self.problems += self.every_fill_once()

    async def _open(self, folder: Path, stack: AsyncExitStack) -> None:
        clock, spec = SystemClock(), find(RANDOM)
        store = stack.enter_context(Store(folder / "triplane.sqlite"))
        urls = Urls(self.box.rest, self.box.sockets, self.box.rest)
        venue = open_venue("box", "testnet", urls=urls, clock=clock)
        stack.push_async_callback(venue.close)
        await venue.open()
        await venue.check_keys()
        place = Place(rest=self.box.rest, sockets=self.box.sockets, speed=self.speed)
        source = await open_source("binance", SYMBOLS, clock, self.speed, warmup_ms=5 * MINUTE, place=place)
        setup = Setup(
            RANDOM, spec.resolve({"seed": self.seed}), tuple(await venue.instruments(SYMBOLS)), MINUTE, MINUTE,
            10_000.0, "box", "testnet", hold=True, trading=LIMITS, costs=CostSettings(leverage=10),
        )  # fmt: skip
        projector = Projector(store, folder / "sessions")
        projector.start()
        stack.callback(projector.close)
        opened = open_runner(
            folder, setup, setup.core(), source.make_feed, options=Options(live=True, consumers=[_To(projector)]),
            clock=clock, venue=venue,
        )  # fmt: skip
        assert opened.log is not None
        opened.log.go_live(asyncio.get_running_loop().call_soon)
        stack.callback(opened.log.close)
        problems = await venue.prepare(SYMBOLS, 10)
        assert not problems, problems
        self.runner, self.session = opened.runner, opened.runner.session
        assert self.runner.execution is not None
        self.pilot = self.runner.execution
        told = self.pilot.on_finding

        def count(finding):
            self.findings[finding.code] += 1
            told(finding)

        self.pilot.on_finding = count

    async def _trade(self) -> None:
        running = asyncio.create_task(self.runner.run())
        try:
            begin = await self.box.market_ms()
            for quiet in range(1, self.quiets + 1):
                await self._storm(running, begin + self.minutes * MINUTE * quiet / self.quiets)
                await self._quiet(running, (await self.box.market_ms() - begin) / MINUTE)
        finally:
            self.runner.stop()
            await running

    async def _storm(self, running: asyncio.Task, until_ms: float) -> None:
        """Faults by chance, until a time of the market."""
        while await self.box.market_ms() < until_ms and not running.done():
            rows = self._fault()
            for row in rows:
                self.faults[row["what"]] += 1
            await self.box.ask("POST", "/box/faults", rows)
            await asyncio.sleep(self.dice.uniform(0.1, 2.0))
            if self.session.A[0]["halted"]:  # a burst of refusals threw the kill switch; a person looks and goes on
                self.halts += 1
                self.runner.resume()

    def _fault(self) -> list[dict]:
        roll = self.dice.random()
        if roll < 0.1:
            return [{"when": "now", "what": "drop_sockets", "code": self.dice.choice((1001, 1006))}]
        if roll < 0.15:
            route = self.dice.choice(("market", "private"))
            return [{"when": "now", "what": "mute", "route": route, "seconds": self.dice.uniform(1, LONGEST)}]
        if roll < 0.2:
            return [{"when": "now", "what": "expire_listen_key"}]
        fault = fault_by(self.dice)
        if "seconds" in fault:
            fault["seconds"] = min(fault["seconds"], LONGEST)
        return [fault]

    async def _quiet(self, running: asyncio.Task, minute: float) -> None:
        """No faults, no position: the books must become the venue's."""
        await self.box.ask("DELETE", "/box/faults")
        self.runner.halt("a quiet moment", flatten=True)
        end = time.monotonic() + QUIET
        wrong = self.differences(await self.box.account())
        while wrong and time.monotonic() < end and not running.done():
            await asyncio.sleep(0.2)  # as often as a person might look
            wrong = self.differences(await self.box.account())
        self.problems += [f"minute {minute:.0f}: {text}" for text in wrong]
        took = QUIET - (end - time.monotonic())
        gc.collect()
        self.moments.append({
            "minute": round(minute, 1), "settled_s": round(took, 1), "rss_mb": round(resident_mb(), 1),
            "box_rss_mb": round(resident_mb(self.box.pid), 1), "tasks": len(asyncio.all_tasks()),
            "descriptors": descriptors(), "box_descriptors": descriptors(self.box.pid),
        })  # fmt: skip
        self.runner.resume()

    # ------------------------------------------------------------------------------------------------ invariants
    def differences(self, account: dict) -> list[str]:
        """What is not as it must be when nothing is wrong any more and the kill switch has flattened."""
        book = self.pilot.manager.blotter
        out = [f"{p['symbol']}: {p['quantity']} are open" for p in account["positions"]]
        for k, symbol in enumerate(SYMBOLS):
            lots = int(self.session.S[k]["core"]["position"]["lots"])
            if lots or book.held[k]:
                out.append(f"{symbol}: the ledger holds {lots} lots, the order manager {book.held[k]}")
            out += [f"{symbol}: {order.client_id} is still {order.fate}" for order in book.live(k)]
        for name, rows in (("clientOrderId", account["orders"]), ("clientAlgoId", account["algoOrders"])):
            ours = [r[name] for r in rows if parse_client_id(self.session.id, r[name]) is not None]
            out += [f"{client_id} became {n} orders" for client_id, n in Counter(ours).items() if n > 1]
        out += [f"{r['clientOrderId']} rests" for r in account["orders"] if r["status"] in ("NEW", "PARTIALLY_FILLED")]
        out += [f"{r['clientAlgoId']} rests" for r in account["algoOrders"] if r["algoStatus"] == "NEW"]
        balance = float(self.session.A[0]["balance"])
        if abs(float(account["balance"]) - balance) > 0.011:
            out.append(f"the ledger has {balance}, the wallet {account['balance']}")
        self.account = account
        return out

    def every_fill_once(self) -> list[str]:
        """Each execution at the venue is in the journal once, with its quantity, and nothing else is."""
        times: Counter[tuple[int, int]] = Counter()
        lots: Counter[tuple[int, int]] = Counter()
        for frame in Reader(self.session.folder / JOURNAL):
            if frame.kind == Kind.COMMAND:
                command = np.frombuffer(frame.payload, COMMAND, 1)[0]
                if command["kind"] == CommandKind.FILL:
                    key = frame.symbol, int(command["trade"])
                    times[key] += 1
                    lots[key] += int(command["lots"])
        truth = {(SYMBOLS.index(f["symbol"]), trade_number(str(f["id"]))): f for f in self.account["fills"]}
        out = [f"execution {key} was counted {n} times" for key, n in times.items() if n > 1]
        out += [f"execution {key} was never counted" for key in truth if key not in times]
        out += [f"execution {key} is not the venue's" for key in times if key not in truth]
        for key, fill in truth.items():
            if self.session.setup.instruments[key[0]].lots(fill["qty"]) != lots[key]:
                out.append(f"execution {key} is {fill['qty']} at the venue and {lots[key]} lots in the journal")
        return out

    def figures(self, seconds: float) -> dict[str, object]:
        """What is printed; adds a problem when memory grew."""
        first, last = self.moments[0], self.moments[-1]
        for name in ("rss_mb", "box_rss_mb"):
            if last[name] - first[name] > GROWTH_MB:  # type: ignore[operator]
                self.problems.append(f"{name} grew from {first[name]} to {last[name]}")
        return {
            "seed": self.seed, "minutes": last["minute"], "speed": self.speed, "seconds": round(seconds, 1),
            "orders": len(self.account["orders"]), "conditional": len(self.account["algoOrders"]),
            "fills": len(self.account["fills"]), "trades": int(self.session.A[0]["trades"]),
            "candles": self.session.candles, "faults": sum(self.faults.values()), "by_kind": dict(self.faults),
            "findings": dict(self.findings), "resumed": self.halts, "quiet": self.moments, "problems": self.problems,
        }  # fmt: skip


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--speed", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quiets", type=int, default=4, help="moments without faults, the end among them")
    given = parser.parse_args()
    configure_logs()
    soak = Soak(given.minutes, given.speed, given.seed, given.quiets)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(soak.run(Path(folder)))
    figures = soak.figures(time.monotonic() - begin)
    print(json.dumps(figures, indent=1))
    if soak.problems:
        print(f"replay: python tests/soak/soak.py --minutes {given.minutes:g} --speed {given.speed:g} "
              f"--seed {given.seed} --quiets {given.quiets}", file=sys.stderr)  # fmt: skip
    return bool(soak.problems)


if __name__ == "__main__":
    sys.exit(main())
