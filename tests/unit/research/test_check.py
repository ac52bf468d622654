"""``triplane check``: what is wrong with a strategy, with its file, line and a hint; and what is fine stays fine."""

import json

import numba
import numpy as np
import pytest
from typer.testing import CliRunner

import triplane
from triplane.cli.main import make_app
from triplane.data.generator import generate
from triplane.kernel.codes import RowKind
from triplane.kernel.records import VIEW
from triplane.kernel.rows import OUTPUT
from triplane.research.check import _compared, check, check_once
from triplane.research.trial import _require_drawn
from triplane.strategies.registry import BUILT_IN, find

COMPILED = """
from triplane.kernel.indicators.moving import SMA, sma_init
from triplane.strategies import Param, Strategy, bracket, njit, show, state

PARAMS = (Param("period", 3, 1, 10),)


@njit
def init(s):
    {init}


@njit
def step(s, bar, view, signal):
    if view.bar == 5:
        {step}


STRATEGY = Strategy("mine", "", PARAMS, state(PARAMS, ("average", SMA), ("ring", "f8", (4,))), init, step, lambda p: 0)
"""
PLAIN = """
import os, random
from triplane.strategies import Close, Enter, Manage, Param, PythonStrategy


class Mine(PythonStrategy):
    name = "mine"
    timeframe = "1m"

    def on_bar(self, bar, view):
        {step}


STRATEGY = Mine
"""


def written(tmp_path, text, **parts):
    path = tmp_path / "mine.py"
    path.write_text(text.format(**{"init": "pass", **parts}))
    return str(path)


@pytest.mark.parametrize(
    ("part", "line", "what", "hint"),
    [
        ({"step": "signal.target_distances[7] = 1.0"}, 16, "Index 7 of signal.target_distances, which has 3 places.",
         "the first is 0 and the last 2."),
        ({"step": "s.ring[view.bar] = 1.0"}, 16, "Index 5 of s.ring, which has 4 places.",
         "the first is 0 and the last 3."),
        ({"step": "s.ring[-5] = 1.0"}, 16, "Index -5 of s.ring, which has 4 places.", "the first is 0 and the last 3."),
        ({"step": "show(signal, (1.0,) * 9)"}, 16, "ValueError: show: there are more than eight values", ""),
        ({"step": "bracket(signal, 1, 0, 0.0, 9.0, 1.0, (1.0,) * 4, (0.25,) * 4)"}, 16,
         "ValueError: bracket: there are more than three targets", ""),
        ({"step": "signal.side = s.p.perod"}, 16, "s.p has no field perod; it has: period.", "did you mean period?"),
        ({"step": "view.sidde = 1"}, 16, f"view has no field sidde; it has: {', '.join(VIEW.names)}.",
         "did you mean side?"),
        ({"step": "signal.side = vieww.side"}, 16, "Name 'vieww' is not defined.", "did you mean view?"),
        ({"step": "signal.reasons = 1 << 70"}, 16, "OverflowError: Python int too large to convert to C long", ""),
        ({"init": "sma_init(s.average, 600)", "step": "pass"}, 10,
         "sma_init: the window is 600; it must be from 1 to 512.", ""),
        ({"init": "sma_init(s.average, 600", "step": "pass"}, 10, "Not Python: '(' was never closed.", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(tmp_path, part, line, what, hint):
    path = written(tmp_path, COMPILED, **part)
    problem = check(path).problem
    assert problem is not None
    assert (problem.file, problem.line, problem.what, problem.hint) == (path, line, what, hint)
    assert problem.source == next(text for text in part.values() if text != "pass")


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
def test_what_the_compiler_does_not_know(tmp_path):
    path = written(tmp_path, COMPILED, step="signal.side = len(open('/dev/null').read())")
    problem = check(path).problem
    assert problem is not None
    assert (problem.file, problem.line) == (path, 16)
    assert problem.what.startswith("Cannot be compiled: Untyped global name 'open'")
    assert "PythonStrategy" in problem.hint


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
def test_a_helper_without_the_compilers_mark(tmp_path):
    text = COMPILED.replace("@njit\ndef init", "def half(x):\n    return x / 2\n\n\n@njit\ndef init")
    problem = check(written(tmp_path, text, step="signal.stop = half(bar.close)")).problem
    assert problem is not None
    assert (problem.line, problem.hint) == (20, "put @njit before the function half.")


@pytest.mark.parametrize(
    ("step", "line", "what"),
    [
        ("return self.nothing", 11, "AttributeError: 'Mine' object has no attribute 'nothing'"),
        ("return Enter(side=1, targets=[1.0, 2.0, 3.0, 4.0])", 11,
         "Enter(targets=[1.0, 2.0, 3.0, 4.0]): targets must be a list of at most 3 numbers."),
        ("return Enter(side=1, targets=2.0)", 11, "Enter(targets=2.0): targets must be a list of at most 3 numbers."),
        ("return Enter(side=1, stop=None)", 11, "Enter(stop=None): stop must be a number; leave it out where there is"),
        ("return Enter(side='long')", 11, "Enter(side='long', entry_type='market'): side must be 1 or -1, entry_type "),
        ("return Enter(side=1, ttl_bars=2.5)", 11, "Enter(ttl_bars=2.5): ttl_bars must be a whole number."),
        ("return Close(reasons=[63])", 0, "Strategy mine failed on bar 0: BadInput: Close(reasons=[63]): reasons "),
        ("return Manage(stop=float('nan'))", 11, "Manage(stop=nan, targets=()): prices must be numbers, and not "),
        ("return Manage(stop=-1.0)", 11, "Manage(stop=-1.0, targets=()): prices must be numbers, and not negative."),
        ("return 'buy'", 0, "Strategy mine failed on bar 0: BadInput: on_bar answered 'buy'; it must be None or "),
        ("return Close", 0, "Strategy mine failed on bar 0: BadInput: on_bar answered <class 'triplane."),
        ("return Enter(1, stop_distance=random.uniform(1, 99)) if view.side == 0 else None", 0,
         "Run twice, it decides otherwise: first at 2025-01-01 00:01:00, in a row of signal."),
        ("os.kill(os.getpid(), 11)", 0, "It ended its own process, without the compiler (exit code -11)."),
    ],
)  # fmt: skip
def test_a_strategy_in_plain_python(tmp_path, step, line, what):
    problem = check(written(tmp_path, PLAIN, step=step)).problem
    assert problem is not None
    assert problem.line == line
    assert problem.what.startswith(what)


@pytest.mark.parametrize(
    ("was", "written_", "line", "what"),
    [
        ('name = "mine"', 'name = ""', 0, "name is ''; it must be a text, such as 'mine'."),
        ('"1m"', "1", 0, "timeframe is 1; it must be a text, such as '15m'."),
        ("on_bar", "onbar", 0, "Mine must define on_bar(self, bar, view) (onbar is never called)."),
        ('"mine"', '"mine"; params = (Param("fast", 3, 1, 10))', 6, "Strategy Mine: params must be a tuple of Param; "),
        ('"mine"', '"mine"; params = (Param("fast", 30, 1, 10),)', 7, "Parameter fast has the default 30; it must be "),
        ('"mine"', '"mine"; params = (Param("a", 1, 0, 2),) * 2', 6, "Strategy Mine has two parameters called a."),
        ('"mine"', '"mine"; params = (Param("name", 1, 0, 2),)', 6, "Strategy Mine: a parameter must not be called "),
        ('"mine"', '"mine"; params = (Param("my fast", 1, 0, 2),)', 7, "Param name is 'my fast'; it must be a Python "),
    ],
)  # fmt: skip
def test_a_slip_outside_a_function_is_named(tmp_path, was, written_, line, what):
    path = written(tmp_path, PLAIN.replace(was, written_), step="return None")
    problem = check(path).problem
    assert problem is not None
    assert problem.line == line
    assert problem.what.removeprefix(f"Strategy file {path}: ").startswith(what)


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ('plots=dict(a="average.nothing")', "plots: the state has no 'average.nothing'; it has: p, average, ring."),
        ('plots=dict(a="ring")', "plots: 'ring' of the state is something else."),
        ('zones=("nowhere",)', "zones: the state has no 'nowhere'; it has: p, average, ring."),
        ('structures=("average",)', "structures: 'average' of the state is something else."),
        ('pools=("average",)', "pools: 'average' of the state is something else."),
        ('agents=dict(a="average")', "agents: 'average' of the state is something else."),
    ],
)
def test_what_is_drawn_must_be_there(tmp_path, spec, what):
    problem = check(written(tmp_path, COMPILED.replace("lambda p: 0", f"lambda p: 0, {spec}"), step="pass")).problem
    assert problem is not None
    assert problem.what == what


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ('plots = dict(a="near.by")', "plots: the strategy has no attribute 'near.by'."),
        ('plots = dict(a="timeframe")', "plots: 'timeframe' is '1m'; it must be a number or None."),
        ('zones = ("blocks",)', "zones: only a compiled strategy has them."),
    ],
)
def test_what_is_drawn_must_be_there_in_plain_python(tmp_path, spec, what):
    problem = check(written(tmp_path, PLAIN.replace('"mine"', f'"mine"; {spec}'), step="return None")).problem
    assert problem is not None
    assert problem.what == what


def test_what_the_built_in_strategies_draw_is_there():
    for name in BUILT_IN:
        _require_drawn(find(name), [])


def test_what_is_fine_is_fine(tmp_path):
    found = check(written(tmp_path, PLAIN, step="return Enter(1, stop_distance=99.0) if view.side == 0 else None"))
    assert (found.problem, found.note) == (None, "")
    assert found.rows > 10


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        ("return None", "0 signals, 0 of them refused, 0 orders"),
        ("return Enter(1, stop=2 * bar.close) if view.bar % 100 == 50 else None",
         "7 signals, 7 of them refused (all: bad_stop), 0 orders"),
        ("return Enter(1, stop_distance=1e4) if view.bar == 9 else Close() if view.bar == 20 else None",
         "1 signals, 0 of them refused, 1 orders"),
    ],
)  # fmt: skip
def test_what_came_of_it_is_told(tmp_path, step, outcome):
    path = written(tmp_path, PLAIN, step=step)
    assert check(path).outcome == outcome
    assert f"fine, the same in both runs. {outcome}." in call("check", path).stdout


def test_a_division_by_nothing_is_a_fault_in_plain_python_alone(tmp_path, monkeypatch):
    path = written(tmp_path, PLAIN, step="return 1 / 0 if view.bar == 9 else None")
    problem = check(path).problem
    assert problem is not None
    assert problem.line == 11

    def trial(name, params, source, out, compiled):  # compiled code and NumPy make inf of it
        np.save(out, rows(1.0))
        return None if compiled else problem

    monkeypatch.setattr("triplane.research.check._trial", trial)
    assert check(path).problem is None
    assert "line 11" in check(path).note


def rows(*values):
    made = np.zeros(len(values), OUTPUT)
    made["kind"] = RowKind.SIGNAL
    made["time"] = 1_735_689_600_000
    made["x"][:, 3] = values
    return made


def test_last_digits_are_a_remark_and_another_decision_is_a_problem(tmp_path):
    same = rows(1.0, np.nan, np.inf)
    assert _compared(tmp_path, same, same.copy()).note == ""
    digits = rows(1.0 + 1e-15, -np.nan, np.inf)
    assert _compared(tmp_path, same, digits).problem is None
    assert "last digits" in _compared(tmp_path, same, digits).note
    for other in (
        rows(1.001, np.nan, np.inf),
        rows(1.0, 2.0, np.inf),
        rows(1.0, np.nan),
        rows(1.0, np.nan, np.inf, 1.0),
    ):
        problem = _compared(tmp_path, same, other).problem
        assert problem is not None
        assert "at 2025-01-01 00:00:00, in a row of signal" in problem.what


def test_a_changed_file_is_checked_once(tmp_path, monkeypatch):
    monkeypatch.setattr("triplane.research.check.cache_folder", lambda: tmp_path)
    path, told = written(tmp_path, PLAIN, step="return None"), []
    check_once(path, {}, told.append)
    check_once(path, {}, told.append)
    assert told == [f"Checking {path}, which is new or has changed: without the compiler and with it …"]
    written(tmp_path, PLAIN, step="return nothing")
    for _ in range(2):  # what is not fine is not remembered
        with pytest.raises(triplane.TriplaneError, match="line 11:\n    return nothing\nName 'nothing' is not defined"):
            check_once(path, {}, told.append)
    assert len(told) == 3
    check_once("ema_cross", {}, told.append)  # built in: never
    assert len(told) == 3


def test_parameters_are_checked_too(tmp_path, monkeypatch):
    """A ring as long as the default asks for, indexed by the parameter."""
    monkeypatch.setattr("triplane.research.check.cache_folder", lambda: tmp_path)
    path = written(tmp_path, COMPILED, step="s.ring[s.p.period] = 1.0")
    check_once(path)
    with pytest.raises(triplane.TriplaneError, match=r"line 16:.*\n.*\nIndex 4 of s\.ring, which has 4 places"):
        check_once(path, {"period": 4})
    done = call("backtest", path, "--data", tmp_path / "none.npy", "--set", "period=4")
    assert "Index 4 of s.ring, which has 4 places." in done.stderr
    with pytest.raises(triplane.BadInput, match="Parameter period of strategy mine is 11"):
        check_once(path, {"period": 11})


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
def test_an_index_that_passes_the_check_is_refused_when_it_comes(tmp_path):
    """It grows with the bars; in compiled code too it raises, with its line."""
    text = COMPILED.replace("if view.bar == 5:", "if view.bar >= 0:").replace("(4,)", "(1500,)")
    path = written(tmp_path, text, step="s.ring[view.bar] = 1.0")
    candles = generate(seed=1, start_ms=1_735_689_600_000, n=1_600)
    with pytest.raises(triplane.TriplaneError) as caught:
        triplane.backtest(candles, path, timeframe="1m")
    assert str(caught.value) == (
        "Strategy mine failed on bar 1500: IndexError: index is out of bounds (mine.py:16: s.ring[view.bar] = 1.0)"
    )


@pytest.mark.parametrize(
    ("step", "top", "line", "what"),
    [
        ("while True: pass", "STRATEGY = Mine", 11, "Nothing has come of it for 5 seconds."),
        ("return None", "while True: pass", 14, "Nothing has come of it for 5 seconds."),
        ("return None", "raise SystemExit(0)", 14, "SystemExit: 0"),
        ("raise SystemExit(3)", "STRATEGY = Mine", 11, "SystemExit: 3"),
        ("return None", "os._exit(0)", 0, "It ended its own process, without the compiler (exit code 0)."),
    ],
)
def test_what_does_not_end_or_ends_too_soon(tmp_path, monkeypatch, step, top, line, what):
    monkeypatch.setattr("triplane.research.check.PATIENCE", 5.0)
    problem = check(written(tmp_path, PLAIN.replace("STRATEGY = Mine", top), step=step)).problem
    assert problem is not None
    assert (problem.line, problem.what) == (line, what)


def call(*words):
    return CliRunner().invoke(make_app(["check", "backtest"]), list(map(str, words)))


def test_the_command_says_it_in_five_lines_and_an_exit_code(tmp_path):
    path = written(tmp_path, COMPILED, step="signal.side = s.p.perod")
    done = call("check", path)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        f"{path}, line 16:",
        "    signal.side = s.p.perod",
        "s.p has no field perod; it has: period.",
        "Hint: did you mean period?",
    ]
    assert json.loads(call("check", path, "--json").stdout)["problem"]["line"] == 16
    assert call("check", tmp_path / "none.py").exit_code == 2


def test_backtest_says_it_too(tmp_path):
    np.save(tmp_path / "unused.npy", generate(seed=1, start_ms=1_735_689_600_000, n=50))
    path = written(tmp_path, COMPILED, step="signal.seen[9] = 1.0")
    done = call("backtest", path, "--data", tmp_path / "unused.npy")
    assert done.exit_code == 1
    assert "which is new or has changed" in " ".join(done.stderr.split())
    assert "line 16:\n    signal.seen[9] = 1.0\nIndex 9 of signal.seen, which has 8 places." in done.stderr
    with pytest.raises(triplane.TriplaneError, match=r"Index 9 of signal\.seen"):
        triplane.backtest(generate(seed=1, start_ms=1_735_689_600_000, n=50), path)


def test_the_command_says_what_is_fine(tmp_path):
    done = call("check", written(tmp_path, PLAIN, step="return None"))
    assert done.exit_code == 0
    assert "fine" in done.stdout
