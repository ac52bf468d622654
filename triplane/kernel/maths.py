"""Logarithm and exponential with the same bits on every processor, compiled or not.

Those of the C library and of NumPy differ in the last place from one processor to the next, so a decision that hangs on
one could not be proved again elsewhere. Here are only +, −, × and ÷, which IEEE 754 fixes to the last bit (square roots
are fixed too: ``np.sqrt`` may be used), and the bits of a number taken apart.

Method and coefficients are those of FDLIBM 5.3 (Sun Microsystems 1993, ``e_log.c`` and ``e_exp.c``). The error is below
one unit in the last place.
"""

from typing import Final

import numpy as np

from triplane.kernel.jit import njit

_LN2_HIGH: Final = 6.93147180369123816490e-01  # 33 bits: a whole number times this is exact
_LN2_LOW: Final = 1.90821492927058770002e-10
_MANTISSA: Final = 0x000FFFFF_FFFFFFFF
_ROOT_HALF: Final = 0x3FE6A09E_00000000  # bits of √½, shortened
_ONE: Final = 0x3FF00000_00000000
_BIAS: Final = 1023
_SMALLEST_NORMAL: Final = 2.2250738585072014e-308
_EXP_HIGHEST: Final = 7.09782712893383973096e02  # above: infinity
_EXP_LOWEST: Final = -7.45133219101941108420e02  # below: 0


@njit
def log(x: float) -> float:
    """Natural logarithm: −∞ of 0, NaN of a negative number or of NaN.

    ``x = 2^k · (1 + f)`` with ``1 + f`` between √½ and √2; with ``s = f / (2 + f)``, ``log(1 + f)`` is
    ``2s + s·R(s²)``, R a polynomial of degree 7 that is off by less than 2^-58.45.
    """
    if not x > 0.0:
        return -np.inf if x == 0.0 else np.nan
    if x == np.inf:
        return x
    k = 0
    if x < _SMALLEST_NORMAL:
        x *= 18014398509481984.0  # 2^54
        k = -54
    bits = np.float64(x).view(np.int64) + (_ONE - _ROOT_HALF)
    k += int(bits >> 52) - _BIAS
    f = np.int64((bits & _MANTISSA) + _ROOT_HALF).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    odd = z * (
        6.666666666666735130e-01
        + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))
    )
    half_square = 0.5 * f * f
    return k * _LN2_HIGH - ((half_square - (s * (half_square + (even + odd)) + k * _LN2_LOW)) - f)


@njit
def exp(x: float) -> float:
    """e to the power of ``x``: 0 of −∞, NaN of NaN.

    ``x = k · ln 2 + r`` with ``|r|`` at most half of ln 2; ``exp(r)`` is ``1 + r + r·c / (2 − c)`` with ``c`` a
    polynomial of degree 5 in ``r²`` that is off by less than 2^-59.
    """
    if np.isnan(x):
        return np.nan
    if x > _EXP_HIGHEST:
        return np.inf
    if x < _EXP_LOWEST:
        return 0.0
    k = int(1.44269504088896338700e00 * x + (0.5 if x >= 0.0 else -0.5))
    high = x - k * _LN2_HIGH
    low = k * _LN2_LOW
    r = high - low
    z = r * r
    c = r - z * (
        1.66666666666666019037e-01
        + z
        * (
            -2.77777777770155933842e-03
            + z * (6.61375632143793436117e-05 + z * (-1.65339022054652515390e-06 + z * 4.13813679705723846039e-08))
        )
    )
    y = 1.0 - ((low - (r * c) / (2.0 - c)) - high)
    half = k >> 1  # in two steps: 2^k alone may be no normal number
    return y * _power_of_two(half) * _power_of_two(k - half)


@njit
def _power_of_two(k: int) -> float:
    """2^k, ``k`` from −1022 to 1023."""
    return np.int64((k + _BIAS) << 52).view(np.float64)
