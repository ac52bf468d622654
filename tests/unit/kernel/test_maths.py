"""Logarithm and exponential against forty digits of ``decimal``, over the whole range of numbers."""

import decimal
import math
import os
import subprocess
import sys
from fractions import Fraction

import numba
import numpy as np
import pytest

from triplane.kernel.jit import Arr, njit
from triplane.kernel.maths import exp, log

CONTEXT = decimal.Context(prec=40, Emin=-10_000, Emax=10_000)
COMPILED = not numba.config.DISABLE_JIT
N = 4_000 if COMPILED else 500


@njit
def run_log(x: Arr, out: Arr) -> None:
    for i in range(x.size):
        out[i] = log(x[i])


@njit
def run_exp(x: Arr, out: Arr) -> None:
    for i in range(x.size):
        out[i] = exp(x[i])


def of(run, x):
    out = np.empty(len(x))
    run(x, out)
    return out


def error(found: float, exact: decimal.Decimal) -> Fraction:
    """Distance from the exact value in units of the last place of the found one."""
    return abs(Fraction(found) - Fraction(exact)) / Fraction(math.ulp(found))


def every_size(n: int) -> np.ndarray:
    """Positive numbers of every exponent, subnormal ones among them, and a cloud around 1, where a logarithm is 0."""
    rng = np.random.default_rng(5)
    bits = rng.integers(1, 0x7FEF_FFFF_FFFF_FFFF, n)
    return np.concatenate(
        [
            bits.view(np.float64),
            rng.integers(1, 0x000F_FFFF_FFFF_FFFF, n // 8).view(np.float64),
            1.0 + rng.normal(size=n) * 10.0 ** rng.uniform(-15, -1, n),
            [5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, math.sqrt(2.0), math.sqrt(0.5), 2.0, 0.5],
        ]
    )


def test_the_logarithm_is_within_one_unit_of_the_last_place():
    x = every_size(N)
    assert (
        max(error(y, CONTEXT.ln(decimal.Decimal(v))) for v, y in zip(x.tolist(), of(run_log, x).tolist(), strict=True))
        < 1
    )


def test_the_exponential_is_within_one_unit_of_the_last_place():
    rng = np.random.default_rng(6)
    small = rng.normal(size=N // 2) * 10.0 ** rng.uniform(-20, 0, N // 2)
    x = np.concatenate(
        [rng.uniform(-745.1, 709.78, N), small, np.arange(-745, 710), [709.782712893384, -745.1332191019411]]
    )
    assert (
        max(error(y, CONTEXT.exp(decimal.Decimal(v))) for v, y in zip(x.tolist(), of(run_exp, x).tolist(), strict=True))
        < 1
    )


@pytest.mark.parametrize(
    ("function", "x", "y"),
    [
        (run_log, 1.0, 0.0),
        (run_log, 0.0, -math.inf),
        (run_log, -0.0, -math.inf),
        (run_log, math.inf, math.inf),
        (run_log, -1.0, math.nan),
        (run_log, -5e-324, math.nan),
        (run_log, -math.inf, math.nan),
        (run_log, math.nan, math.nan),
        (run_exp, 0.0, 1.0),
        (run_exp, -0.0, 1.0),
        (run_exp, 5e-324, 1.0),
        (run_exp, math.inf, math.inf),
        (run_exp, 709.7827128933841, math.inf),
        (run_exp, 1e300, math.inf),
        (run_exp, -math.inf, 0.0),
        (run_exp, -745.1332191019412, 0.0),
        (run_exp, -1e300, 0.0),
        (run_exp, math.nan, math.nan),
    ],
)
def test_special_values(function, x, y):
    (found,) = of(function, np.array([x]))
    assert found == y or (math.isnan(y) and math.isnan(found))


PRINT = """
import numpy as np
from tests.unit.kernel.test_maths import every_size, of, run_exp, run_log
x = every_size(500)
print(of(run_log, x).tobytes().hex(), of(run_exp, of(run_log, x) * 1.01).tobytes().hex())
"""


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
def test_the_same_bits_without_the_compiler():
    x = every_size(500)
    plain = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PRINT],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    logs = of(run_log, x)
    assert plain == [logs.tobytes().hex(), of(run_exp, logs * 1.01).tobytes().hex()]
