"""The market's regime: a hidden Markov model with Gaussian states, seen through its forward filter alone.

A model says in which kinds of market a series lives (its *states*), how likely each follows each, and how returns,
volatility and volume are distributed in each. It is fitted outside the kernel, on a training window
(``triplane/research/regime.py``). Here, with every closed candle, the belief in each state is moved one step forward:

    belief_t(j)  ~  N(x_t; mean_j, covariance_j) * sum_i belief_{t-1}(i) * transition(i, j)

which is the forward recursion of Rabiner (1989), normalised at each step. It knows nothing of later candles; Viterbi
paths and smoothed probabilities do, and are never used.

``x`` is the log return, the realised volatility over ``vol_window`` candles, and the z-score of the volume among the
last ``volume_window`` (0 when they are all equal), each standardised by constants of the model.

**Slots.** A state has the place of its name in ``Regime``, whatever number it had in the fit; a model of three
states leaves one place empty. So beliefs survive a change of model.

**Fits.** A walk-forward refit is a list of models, each with the time from which it may be used: the end of its
training window. Before the first of them the regime is ``UNKNOWN``; from then on the newest that is due is used. A
change carries the beliefs over by name.

**Dwell.** The regime that is shown changes only when another one has been the most probable for ``min_dwell`` candles
in a row, so it stays for at least that long.
"""

from typing import Final

import numpy as np

from triplane.kernel.codes import UNKNOWN, Regime
from triplane.kernel.indicators.moving import DEVIATION, deviation_init, deviation_step
from triplane.kernel.indicators.volatility import REALIZED, realized_init, realized_step
from triplane.kernel.jit import Arr, Rec, njit, record
from triplane.kernel.maths import exp, log

SLOTS: Final = 4
MAX_FITS: Final = 64
"""Models of one walk-forward list."""

REGIME_FIT = record(
    [
        ("valid_from", "i8"),  # ms: bars that open at this time or later
        ("present", "i8", (4,)),  # 1: the model has a state of this name
        ("center", "f8", (3,)),  # x = (observed - center) / scale
        ("scale", "f8", (3,)),
        ("start", "f8", (4,)),  # probability of each state at the first candle
        ("transition", "f8", (4, 4)),  # from, to
        ("means", "f8", (4, 3)),
        ("whiten", "f8", (4, 3, 3)),  # inverse of the lower Cholesky factor of the covariance
        ("constant", "f8", (4,)),  # log density at the mean
    ]
)
"""One fitted model."""

REGIME = record(
    [
        ("vol_window", "i8"),  # these four and the fits are given before the start, and stay
        ("volume_window", "i8"),
        ("min_dwell", "i8"),
        ("n_fits", "i8"),
        ("fits", REGIME_FIT, (MAX_FITS,)),  # [:n_fits] in order of valid_from
        ("fit", "i8"),  # the one in use, -1 before the first
        ("realized", REALIZED),
        ("volume", DEVIATION),
        ("close", "f8"),
        ("observed", "f8", (3,)),  # log return, realised volatility, z-score of the volume; NaN until warm
        ("x", "f8", (3,)),  # standardised
        ("score", "f8", (4,)),
        ("belief", "f8", (4,)),  # filtered probability of each regime; sums to 1 once there is one
        ("believes", "i8"),
        ("candidate", "i8"),  # most probable now
        ("run", "i8"),  # candles for which it has been
        ("name", "i8"),  # Regime, UNKNOWN until known
        ("probability", "f8"),  # of that regime now; NaN while unknown
    ]
)
"""Models, windows, and what is believed now."""


@njit
def regime_init(s: Rec) -> None:
    """Forget all candles; models, windows and dwell stay."""
    s.fit = -1
    realized_init(s.realized, max(s.vol_window, 1))
    deviation_init(s.volume, max(s.volume_window, 1))
    s.close = np.nan
    s.believes = 0
    s.candidate = UNKNOWN
    s.run = 0
    s.name = UNKNOWN
    s.probability = np.nan
    for j in range(3):
        s.observed[j] = np.nan
        s.x[j] = np.nan
    for j in range(SLOTS):
        s.belief[j] = 0.0


@njit
def is_trending(name: int) -> bool:
    """Whether layer 0 lets this regime through."""
    return name in (Regime.TRENDING_LOW_VOL, Regime.TRENDING_HIGH_VOL)


@njit
def trending_belief(s: Rec) -> float:
    """Belief in all trending regimes together, 0 to 1; 0 while there is none.

    The regime that is shown stays for its dwell, however little it is believed in by then; this does not.
    """
    if not s.believes:
        return 0.0
    return s.belief[Regime.TRENDING_LOW_VOL] + s.belief[Regime.TRENDING_HIGH_VOL]  # type: ignore[no-any-return]


@njit
def shown_belief(s: Rec) -> float:
    """How far the regime that is shown is believed in: a trending one together with the other."""
    if not s.believes:
        return 0.0
    return trending_belief(s) if is_trending(s.name) else s.probability


@njit
def regime_observe(s: Rec, close: float, volume: float) -> None:
    """Bring the three observed values (``s.observed``) forward by a closed candle."""
    change = log(close / s.close)
    s.close = close
    s.observed[0] = change
    s.observed[1] = realized_step(s.realized, close)
    sigma = deviation_step(s.volume, volume)
    s.observed[2] = np.nan if np.isnan(sigma) else 0.0
    if sigma > 0.0:
        s.observed[2] = (volume - s.volume.average) / sigma


@njit
def _choose(s: Rec, time: int) -> None:
    """Take the newest model that is due at ``time``, and carry the beliefs over by name."""
    before = s.fit
    while s.fit + 1 < s.n_fits and s.fits[s.fit + 1].valid_from <= time:
        s.fit += 1
    if s.fit == before or not s.believes:
        return
    total = 0.0
    for j in range(SLOTS):
        s.belief[j] *= s.fits[s.fit].present[j]
        total += s.belief[j]
    if total > 0.0:
        for j in range(SLOTS):
            s.belief[j] /= total
    else:
        s.believes = 0


@njit
def _density(s: Rec, m: Rec, j: int) -> float:
    """Log density of state ``j`` at ``s.x``."""
    squares = 0.0
    for r in range(3):
        w = 0.0
        for c in range(r + 1):
            w += m.whiten[j, r, c] * (s.x[c] - m.means[j, c])
        squares += w * w
    return m.constant[j] - 0.5 * squares  # type: ignore[no-any-return]


@njit
def _forward(s: Rec, m: Rec) -> None:
    """One step of the forward recursion; in logarithms, so that no outlier can make all beliefs vanish."""
    top = -np.inf
    for j in range(SLOTS):
        s.score[j] = -np.inf
        if m.present[j]:
            prior = m.start[j]
            if s.believes:
                prior = 0.0
                for i in range(SLOTS):
                    prior += s.belief[i] * m.transition[i, j]
            if prior > 0.0:
                s.score[j] = log(prior) + _density(s, m, j)
                top = max(top, s.score[j])
    if top == -np.inf:  # no state can follow, or the candle is beyond all numbers: the beliefs stay
        return
    total = 0.0
    for j in range(SLOTS):
        s.belief[j] = exp(s.score[j] - top)
        total += s.belief[j]
    for j in range(SLOTS):
        s.belief[j] /= total
    s.believes = 1


@njit
def _show(s: Rec) -> None:
    """Let the most probable regime become the one that is shown, when it has been for long enough."""
    best = 0
    for j in range(1, SLOTS):
        if s.belief[j] > s.belief[best]:
            best = j
    s.run = s.run + 1 if best == s.candidate else 1
    s.candidate = best
    if best != s.name and s.run >= s.min_dwell:
        s.name = best
    if s.name != UNKNOWN:
        s.probability = s.belief[s.name]


@njit
def regime_step(s: Rec, time: int, close: float, volume: float) -> int:
    """Add a closed candle (``time``: its open time in ms).

    Returns
    -------
    int
        The ``Regime``, or ``UNKNOWN``; its probability is in ``s.probability``.
    """
    if s.n_fits == 0:
        return UNKNOWN
    regime_observe(s, close, volume)
    _choose(s, time)
    if s.fit >= 0 and not np.isnan(s.observed[0] + s.observed[1] + s.observed[2]):
        m = s.fits[s.fit]
        for j in range(3):
            s.x[j] = (s.observed[j] - m.center[j]) / m.scale[j]
        _forward(s, m)
        if s.believes:
            _show(s)
    return int(s.name)


@njit
def regime_run(S: Arr, candles: Arr, names: Arr, probabilities: Arr, beliefs: Arr) -> None:
    """Add ``candles`` in their order to ``S[0]``.

    Parameters
    ----------
    names, probabilities
        One element a candle, int64 and float64.
    beliefs
        (candles, :data:`SLOTS`) float64; NaN while there are none.
    """
    s = S[0]
    for i in range(candles.size):
        c = candles[i]
        names[i] = regime_step(s, c.open_time, c.close, c.volume)
        probabilities[i] = s.probability
        for j in range(SLOTS):
            beliefs[i, j] = s.belief[j] if s.believes else np.nan


@njit
def observe_run(S: Arr, candles: Arr, observed: Arr) -> None:
    """Write the three observed values of each candle into ``observed``, (candles, 3) float64; NaN until warm."""
    s = S[0]
    for i in range(candles.size):
        c = candles[i]
        regime_observe(s, c.close, c.volume)
        for j in range(3):
            observed[i, j] = s.observed[j]
