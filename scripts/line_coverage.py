"""Line coverage of the parts that decide, send and remember, in one table: ``python scripts/line_coverage.py``.

Two runs, because compiled functions leave no trace of their lines: the kernel without the compiler, by its unit tests
alone; the rest with it, by every test that lies above it. Every process that a test starts is measured too. Files
that are not fully covered follow with ``--missing``. Exit code 1 when a test fails or a package is below its floor.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from coverage import Coverage

FLOORS = {"kernel": 95, "execution": 95, "venues": 95, "model": 95, "flow": 95, "engine": 95}
"""Percent of lines that tests must run, by package."""
KERNEL_TESTS = ["tests/unit/kernel"]
LOWER = {"kernel", "data", "strategies", "research"}
"""Layers below execution or beside it: their tests tell nothing of it, and take long."""

RC = """[run]
source =
    {sources}
data_file = {data}
parallel = true
concurrency = thread,multiprocessing
sigterm = true
disable_warnings = no-data-collected,module-not-imported,module-not-measured,already-imported,no-sysmon
"""


def upper_tests() -> list[str]:
    """The folders whose tests run execution, venues or engine."""
    groups = [path for kind in ("unit", "property", "integration") for path in sorted(Path("tests", kind).iterdir())]
    return [str(path) for path in groups if path.is_dir() and path.name not in LOWER] + ["tests/chaos"]


def configuration(data: Path) -> Path:
    """Where the settings for a data file are; its name with a suffix would be one process's data."""
    return data.with_name(f"of_{data.name}.rc")


def measure(packages: list[str], tests: list[str], data: Path, arguments: list[str], **environment: str) -> int:
    """Run the tests with every process measured; returns the exit code."""
    sources = "\n    ".join(str(Path("triplane", name).resolve()) for name in packages)
    config = configuration(data)
    config.write_text(RC.format(sources=sources, data=data))
    changed = os.environ | {"COVERAGE_PROCESS_START": str(config)} | environment
    return subprocess.run([sys.executable, "-m", "pytest", *arguments, *tests], env=changed, check=False).returncode


def table(data: Path, packages: list[str], *, missing: bool) -> list[tuple[str, int, int]]:
    """Package, lines and lines not run; prints the files' missing lines when asked."""
    coverage = Coverage(data_file=str(data), config_file=str(configuration(data)))
    coverage.combine()
    rows = []
    for package in packages:
        lines = missed = 0
        for path in sorted(Path("triplane", package).rglob("*.py")):
            _, statements, _, absent, text = coverage.analysis2(str(path.resolve()))
            lines, missed = lines + len(statements), missed + len(absent)
            if missing and absent:
                print(f"  {path}: {text}")
        rows.append((package, lines, missed))
    return rows


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missing", action="store_true", help="name the lines that no test runs")
    parser.add_argument("-n", "--jobs", default="logical", help="test processes at once")
    given = parser.parse_args()
    arguments = ["--numprocesses", given.jobs, "--dist", "loadfile", "--no-loadscope-reorder"]
    rest = [name for name in FLOORS if name != "kernel" and Path("triplane", name).is_dir()]
    with tempfile.TemporaryDirectory() as folder:
        kernel, upper = Path(folder, "kernel"), Path(folder, "upper")
        failed = measure(["kernel"], KERNEL_TESTS, kernel, arguments, NUMBA_DISABLE_JIT="1")
        failed |= measure(rest, upper_tests(), upper, arguments)
        rows = table(kernel, ["kernel"], missing=given.missing) + table(upper, rest, missing=given.missing)
    print(f"{'package':<12}{'lines':>8}{'missed':>8}{'covered':>10}{'floor':>8}")
    for package, lines, missed in rows:
        share = 100 * (1 - missed / lines)
        failed |= share < FLOORS[package]
        print(f"{package:<12}{lines:>8}{missed:>8}{share:>9.1f}%{FLOORS[package]:>7}%")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
