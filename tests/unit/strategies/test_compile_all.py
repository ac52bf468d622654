"""Everything that is compiled compiles, and the next process finds all of it.

One process compiles everything in a quarter of the time that it takes strategy by strategy, so `make test` begins with
this file: what it leaves in the cache is what all other tests run.
"""

import subprocess
import sys

import numba
import pytest

from triplane.exchange import rules
from triplane.research import analysis
from triplane.strategies.compiler import compile_strategy
from triplane.strategies.drivers import AROUND, cache_folder, compile_around
from triplane.strategies.registry import BUILT_IN, find, source_of


def compile_all() -> None:
    """All that the product compiles."""
    analysis.compiled()
    rules.compiled()
    for name in AROUND:
        compile_around(name)
    for name in BUILT_IN:
        compile_strategy(find(name), source_of(name))


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
def test_everything_compiles_once() -> None:
    compile_all()
    code = {path: path.stat().st_mtime_ns for path in cache_folder().glob("*.nb?")}
    subprocess.run([sys.executable, __file__], check=True)

    own = [name for name in BUILT_IN if find(name).base is None]  # a preset is another strategy's code
    for name in (*AROUND, *own, "analysis", "rules"):
        assert any(path.name.startswith(f"{name}_") for path in code), name
    assert {path: path.stat().st_mtime_ns for path in cache_folder().glob("*.nb?") if path in code} == code


if __name__ == "__main__":
    compile_all()
