"""How kernels are compiled: once for all integers, for any processor, and callable from Python all the same."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from triplane.kernel.codes import Leg
from triplane.kernel.jit import njit, record

compiled = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")

ITEM = record([("small", "i1"), ("big", "i8"), ("ring", "u1", (4,))])


@njit
def _add(item, n, flag):
    return item.big + (n if flag else -n)


@njit
def _many(item):
    total = _add(item, 3, True) + _add(item, item.small, item.small > 5) + _add(item, Leg.EXIT, False)
    return total + _add(item, item.ring[0], True) + _add(item, item.big, True)


@compiled
def test_compiled_once_for_all_integers():
    item = np.zeros(1, ITEM)
    item["small"], item["big"], item["ring"] = 7, 100, 9

    assert _many(item[0]) == 103 + 107 + 95 + 109 + 200
    assert len(_add.inner.signatures) == 1


@njit
def _at(item, i):
    return item.ring[i]


@compiled
def test_code_that_is_not_triplanes_own_checks_its_indices_and_names_the_line():
    item = np.zeros(1, ITEM)
    item["ring"] = 1, 2, 3, 4
    assert (_at(item[0], 3), _at(item[0], -4)) == (4, 1)
    for outside in (4, -5):
        with pytest.raises(IndexError, match="index is out of bounds") as caught:
            _at(item[0], outside)
        assert str(caught.traceback[-1].statement).strip() == "return item.ring[i]"


@compiled
def test_python_may_call_what_compiled_code_calls():
    item = np.zeros(1, ITEM)
    item["big"] = 100

    assert _many(item[0]) == 103 + 100 + 95 + 100 + 200
    assert _add(item[0], 5, True) == 105
    assert _add(item[0], 0.5, True) == 100.5  # not an integer: compiled for it


@compiled
def test_only_what_python_calls_has_an_entry_for_python():
    item = np.zeros(1, ITEM)
    _many(item[0])

    (own,) = _many.overloads.values()
    (inner,) = _add.inner.overloads.values()
    assert "cpython" in own.library.get_llvm_str()
    assert "cpython" not in inner.library.get_llvm_str()


@compiled
@pytest.mark.parametrize("first", ["import triplane.kernel.jit", "import numba"])
def test_code_is_for_a_generic_processor_whoever_imports_numba_first(first):
    program = f"""
{first}
import numpy as np
from triplane.kernel.jit import njit
from numba.core.registry import cpu_target
assert njit(lambda x: x + 1)(1) == 2
print(cpu_target.target_context.codegen().magic_tuple()[1:])
"""
    env = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_CPU")}
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env)

    assert found.stdout.strip() == "('generic', '')"
