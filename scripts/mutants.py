"""Plants small random faults, one at a time, and names those that no test notices: ``make mutants N=200 SEED=1``.

A fault is a slip of the hand: a comparison, an operator, a sign, a number, a condition, an assignment left out. Each is
planted into a copy of the project, never into the working tree. The unit tests of its file run first, then those of its
folder, and property tests for what has survived until then; of them those that pass soon where nothing is planted.
Kernels run without the compiler, which is faster here. A run that takes too long hangs on its fault, which is noticed
too. Whether a survivor is a gap in the tests or changes nothing that can be seen is for a person to say.
"""

import argparse
import ast
import copy
import os
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[1]
PLACES = ("kernel", "execution", "model/performance.py", "engine/account.py", "api/replica/record.py")
SECONDS, BRIEF = 300, 30
"""For one run of some tests; and for a file of them that is asked about the faults of another module than its own."""
SWAPS = (
    (ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn),
    (ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.BitAnd, ast.BitOr), (ast.LShift, ast.RShift), (ast.And, ast.Or),
)  # fmt: skip
OTHER = {a: b for pair in SWAPS for a, b in (pair, pair[::-1])} | {ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv}
WORDS = (ast.Raise, ast.JoinedStr, ast.Assert, ast.AnnAssign)
"""Nothing is planted below these: words of an error, and declarations."""


@dataclass(frozen=True)
class Fault:
    """Where a fault is planted, and the text that stands there instead."""

    path: Path
    ends: tuple[tuple[int, int], tuple[int, int]]
    before: str
    after: str

    def planted(self, source: str) -> str:
        """The source with the fault."""
        data = source.encode()
        lines = data.splitlines(keepends=True)
        begin, end = (sum(map(len, lines[: line - 1])) + column for line, column in self.ends)
        return (data[:begin] + self.after.encode() + data[end:]).decode()

    def __str__(self) -> str:
        return f"{self.path}:{self.ends[0][0]}: {self.before}  ->  {self.after}"


def slips(node: ast.AST) -> Iterator[str]:
    """What may stand in place of a node."""
    changed = copy.deepcopy(node)
    if isinstance(changed, ast.Compare) and type(changed.ops[0]) in OTHER:
        changed.ops[0] = OTHER[type(changed.ops[0])]()
        yield f"({ast.unparse(changed)})"
    elif isinstance(changed, ast.BinOp | ast.BoolOp) and type(changed.op) in OTHER:
        changed.op = OTHER[type(changed.op)]()
        yield f"({ast.unparse(changed)})"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield f"({ast.unparse(node.operand)})"
    elif isinstance(node, ast.Assign | ast.AugAssign):
        yield "pass"
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield repr(node.value + 1)


def below(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement in which a fault may be planted."""
    if isinstance(node, WORDS) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from below(child)


def faults(path: Path) -> list[Fault]:
    """Every fault that can be planted into the functions of a file."""
    tree = ast.parse((ROOT / path).read_text())
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    nodes = [node for function in functions for statement in function.body for node in below(statement)]
    found = {
        Fault(path, ((n.lineno, n.col_offset), (n.end_lineno, n.end_col_offset)), ast.unparse(n), text): None
        for n in nodes for text in slips(n)
    }  # fmt: skip
    return list(found)


def chosen(places: list[str], count: int, seed: int) -> list[Fault]:
    """Some of all faults, each file by its number of faults."""
    roots = [ROOT / "triplane" / place for place in places]
    files = [file for root in roots for file in (sorted(root.rglob("*.py")) if root.is_dir() else [root])]
    every = [fault for file in files for fault in faults(file.relative_to(ROOT))]
    return random.Random(seed).sample(every, min(count, len(every)))


def tests_of(path: Path) -> list[list[str]]:
    """The tests that should notice a fault in a module, in the order in which they are asked: its own, its folder's."""
    package, folder = path.parts[1], Path(*path.parts[1:-1])
    beside = [str(test.relative_to(ROOT)) for test in sorted((ROOT / "tests" / "unit" / folder).glob("test_*.py"))]
    own = [test for test in beside if Path(test).stem == f"test_{path.stem}"]
    others = [test for test in beside if test not in own]
    parts = {
        f"test_{part.name}" for part in (ROOT / "triplane" / package).glob("*/")
    }  # a test of one part is of no other
    wanted = {f"test_{folder.name}"} if len(folder.parts) > 1 else None
    general = sorted((ROOT / "tests" / "property" / package).glob("test_*.py"))
    properties = [
        str(test.relative_to(ROOT)) for test in general if (test.stem in wanted if wanted else test.stem not in parts)
    ]
    return [stage for stage in (own, others, properties) if stage]


def passed(work: Path, tests: list[str], seconds: int = SECONDS) -> bool:
    """Run tests in a process of its own; whether they passed in time."""
    child = os.fork()
    if child == 0:
        os.setsid()
        signal.alarm(seconds)
        os.chdir(work)
        sys.path.insert(0, str(work))
        for descriptor in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
        failed = 1
        try:
            import pytest  # noqa: PLC0415 - the parent has imported it already

            quick = [
                "-x",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:xdist",
                "-W",
                "ignore::pytest.PytestAssertRewriteWarning",
            ]
            failed = int(pytest.main([*quick, "--hypothesis-profile", "mutants", *tests]))
        finally:  # whatever was raised: the parent's folder is not this process's to clean up
            os._exit(failed)
    _, status = os.waitpid(child, 0)
    return status == 0


def copied(folder: Path) -> Path:
    """A copy of the project that faults can be planted into."""
    work = folder / "project"
    ignored = shutil.ignore_patterns("__pycache__", "node_modules", "static", "compiled")
    for name in ("triplane", "tests", "benchmarks", "scripts", "docs"):
        shutil.copytree(ROOT / name, work / name, ignore=ignored)
    for path in ROOT.glob("*.*"):
        if path.is_file():
            shutil.copy(path, work)
    shared = ROOT.parent / "shared"
    if shared.is_dir():
        (folder / "shared").symlink_to(shared)
    return work


def useful(work: Path, path: Path) -> list[list[str]]:
    """The tests that pass without a fault, and soon enough: only they can notice one."""
    stages = []
    for stage in tests_of(path):
        own = Path(stage[0]).stem == f"test_{path.stem}"
        stages.append([test for test in stage if sound(work, test, SECONDS if own else BRIEF)])
    return [stage for stage in stages if stage]


@cache
def sound(work: Path, test: str, seconds: int) -> bool:
    """Whether a file of tests passes in time as things are."""
    done = passed(work, [test], seconds)
    if not done:
        print(f"left out: {test} fails without a fault, or needs more than {seconds} s", flush=True)
    return done


def survives(work: Path, fault: Fault, stages: list[list[str]]) -> bool:
    """Plant a fault into a copy, ask all tests, and take it out again."""
    target = work / fault.path
    source = target.read_text()
    target.write_text(fault.planted(source))
    try:
        return all(passed(work, tests) for tests in stages)
    finally:
        target.write_text(source)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=200, help="how many faults")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--in", dest="places", nargs="+", default=list(PLACES), help="folders or files of triplane")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1, help="runs at once")
    given = parser.parse_args()
    os.environ |= {"NUMBA_DISABLE_JIT": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    import hypothesis  # noqa: PLC0415 - imported once, for every child
    import numba  # noqa: F401, PLC0415
    import pytest  # noqa: F401, PLC0415

    phases = [phase for phase in hypothesis.Phase if phase.name not in ("shrink", "explain", "target")]
    hypothesis.settings.register_profile("mutants", deadline=None, phases=phases, derandomize=True, database=None)
    every: Counter[str] = Counter()
    alive: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(given.jobs) as pool:
        free: SimpleQueue[Path] = SimpleQueue()
        for number in range(given.jobs):
            free.put(copied(Path(folder, str(number))))

        planted = chosen(given.places, given.count, given.seed)
        work = free.get()
        tests = {path: useful(work, path) for path in dict.fromkeys(fault.path for fault in planted)}
        free.put(work)

        def ask(fault: Fault) -> None:
            work = free.get()
            every[fault.path.parts[1]] += 1
            if survives(work, fault, tests[fault.path]):
                alive[fault.path.parts[1]] += 1
                print(f"survived: {fault}", flush=True)
            free.put(work)

        list(pool.map(ask, planted))
    for place, count in every.items():
        print(f"{place:<12}{count - alive[place]:>5} of {count:>4} noticed, {1 - alive[place] / count:.1%}")
    return int(alive.total() > 0)


if __name__ == "__main__":
    sys.exit(main())
