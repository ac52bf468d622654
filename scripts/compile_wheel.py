"""Compile what comes with Triplane into ``triplane/compiled``, so that an installed wheel has nothing left to compile.

It is package data: drivers with their code beside them, found by ``triplane.strategies.drivers`` as long as sources,
Python and Numba are those that it was compiled with. Any other compiles as from a clone.
"""

import os
import shutil
import tempfile
from pathlib import Path

from triplane.exchange import rules
from triplane.research import analysis
from triplane.strategies.compiler import compile_strategy
from triplane.strategies.drivers import SHIPPED, cache_folder, compiled_features, compiled_halves
from triplane.strategies.registry import BUILT_IN, find, source_of


def main() -> None:
    """Compile everything into a new folder, then put it in place."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NUMBA_CACHE_DIR"] = folder
        shutil.rmtree(SHIPPED, ignore_errors=True)
        for name in BUILT_IN:
            compile_strategy(find(name), source_of(name), print)
        compiled_halves(print)
        compiled_features(print)
        analysis.compiled()
        rules.compiled()
        shutil.copytree(cache_folder(), SHIPPED, ignore=shutil.ignore_patterns("__pycache__"))
        size = sum(file.stat().st_size for file in Path(SHIPPED).iterdir())
        print(f"{SHIPPED}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
