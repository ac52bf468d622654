"""A new field has two places: where it is declared, and where it is computed. Everything else derives.

A copy of the package gets a field on ``Trade`` in these two places; a process that imports the copy must find it in the
table, the API, the socket, the frame of a backtest and the docs, and the page's types where the tools for them are.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from triplane.strategies.drivers import cache_folder

ROOT = Path(__file__).parents[3]
UI = ROOT / "ui"

OLD = """
import sys
from pathlib import Path
from triplane.store import Store
Store(Path(sys.argv[1])).close()
"""
FINDS = """
import itertools, json, sys
from pathlib import Path
from facts_page import markdown
from triplane.api.describe import openapi
from triplane.api.messages import MessageLog
from triplane.api.replica.registry import Replicas
from triplane.api.replica.watch import EngineWatch
from triplane.data.generator import generate
from triplane.model.facts import Trade
from triplane.research.backtest import backtest
from triplane.store import Store, project
from triplane.engine.facts import Collector
from triplane.engine.opening import Options, open_runner
from triplane.engine.setup import Setup
from triplane.data.generator import demo_instrument
from triplane.strategies.registry import find

folder = Path(sys.argv[1])
described = openapi()
Path(sys.argv[2]).write_text(json.dumps(described))
spec = find("ema_cross")
setup = Setup("ema_cross", spec.resolve({"fast": 3, "slow": 9}), (demo_instrument("BTCUSDT"),), 60_000, 60_000)
collector, candles = Collector(), generate(3, 1_735_689_600_000, 600)
runner = open_runner(folder, setup, setup.core(), lambda known: None,
                     options=Options(facts=False, consumers=[collector])).runner
for i in range(len(candles)):
    runner.session.feed_candle(0, candles, i)
runner.session.close()
trades = [fact for fact in collector.facts if isinstance(fact, Trade)]
messages = MessageLog(1)
seconds = itertools.count()
replicas = Replicas(messages, EngineWatch(), lambda: float(next(seconds)))
for fact in collector.facts:
    replicas.on_facts([fact])
with Store(folder / "old.sqlite") as store:
    project(store, collector.facts)
    stored = store.trades(limit=1).items[0]
frame = backtest(candles, "ema_cross", quantity=1.0).trades
print(json.dumps({
    "fact": trades[-1].mood,
    "openapi": "mood" in described["components"]["schemas"]["Trade"]["properties"],
    "table": stored["mood"],
    "socket": any(b'"mood":"calm"' in m.frame for m in messages.after(messages.first_id - 1)),
    "frame": list(set(frame["mood"])) if len(frame) else None,
    "docs": "| `mood` |" in markdown(),
}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with one field more: a change in two places."""
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(ROOT / "triplane", folder / "triplane", ignore=shutil.ignore_patterns("__pycache__", "static"))
    declared, computed = folder / "triplane" / "model" / "facts.py", folder / "triplane" / "engine" / "decode.py"
    for path, before, after in (
        (declared, "    bars_held: int\n", "    bars_held: int\n    mood: str = ''\n"),
        (computed, "bars_held=int(row.bars_held),", "bars_held=int(row.bars_held), mood='calm',"),
    ):
        text = path.read_text()
        assert text.count(before) == 1
        path.write_text(text.replace(before, after))
    (folder / "cache").mkdir()
    (folder / "cache" / "triplane").symlink_to(cache_folder())  # nothing that is compiled has changed
    return folder


def test_a_new_field_is_found_everywhere(copy: Path, tmp_path: Path) -> None:
    old = subprocess.run(  # a database from before the field
        [sys.executable, "-c", OLD, str(tmp_path / "old.sqlite")], check=False, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert old.returncode == 0, old.stderr
    described = tmp_path / "openapi.json"
    places = {"PYTHONPATH": os.pathsep.join([str(copy), str(ROOT / "scripts")]), "NUMBA_CACHE_DIR": str(copy / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", FINDS, str(tmp_path), str(described)], check=False, capture_output=True, text=True,
        timeout=600, env=os.environ | places, cwd=copy,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "fact": "calm", "openapi": True, "table": "calm", "socket": True, "frame": ["calm"], "docs": True,
    }  # fmt: skip

    tool = UI / "node_modules" / ".bin" / "openapi-typescript"
    if not tool.exists():
        pytest.skip("the page's tools are not installed, so its types were not looked at")
    types = tmp_path / "schema.d.ts"
    subprocess.run([str(tool), str(described), "-o", str(types)], check=True, capture_output=True, timeout=120)
    trade = types.read_text().partition("        Trade: {")[2].partition("};")[0]
    assert "mood: string;" in trade
