"""The last look at an order: entries are held against everything, what reduces is never held back by a limit."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import limit, market, stop
from harness import RULES, SYMBOL, D
from msgspec.structs import replace

import triplane
from triplane.execution.risk import Bounds, approve, approve_exit
from triplane.venues.errors import Refused, Why

PACKAGE = Path(triplane.__file__).parent
BOUNDS = Bounds(max_notional=D(1_000), reference=D(50_000))


def refused(order, bounds=None):
    with pytest.raises(Refused) as error:
        approve(order, RULES, bounds)
    assert error.value.why is Why.FILTER
    return str(error.value)


def test_a_sensible_entry_passes_as_it_is():
    order = limit("a", price="49000", quantity="0.010")
    assert approve(order, RULES, BOUNDS).value is order
    assert approve(market("b"), RULES, BOUNDS).value.client_id == "b"


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (limit("a", quantity="0.0105"), "quantity is 0.0105"),
        (limit("a", quantity="0"), "quantity is 0"),
        (limit("a", quantity="-0.010"), "quantity is -0.010"),
        (limit("a", price="49000.05"), "price is 49000.05"),
        (limit("a", price="-1"), "price is -1"),
        (replace(stop("a"), trigger=D("48000.01")), "trigger is 48000.01"),
        (replace(limit("a"), price=None), "price is None"),
        (replace(market("a"), price=D(49_000)), "price is 49000"),
        (replace(stop("a"), trigger=None), "trigger is None"),
        (replace(market("a"), trigger=D(49_000)), "trigger is 49000"),
        (limit("a", price="49000", quantity="0.002"), "notional is 98.000"),
        (limit("a", price="49000", quantity="0.021"), "notional is 1029.000"),
        (limit("a", price="39999.9", quantity="0.010"), "price is 39999.9"),
        (limit("a", price="60000.1", quantity="0.010"), "price is 60000.1"),
        (market("a", quantity="0.021"), "notional is 1050.000"),
    ],
)
def test_an_entry_against_rules_or_bounds_is_refused_with_the_number(order, words):
    assert words in refused(order, BOUNDS)


def test_the_smallest_quantity_is_for_entries():
    rules = replace(RULES, min_quantity=D("0.005"))
    with pytest.raises(Refused, match=r"quantity is 0\.004; the smallest order is 0\.005"):
        approve(limit("a", quantity="0.004"), rules)
    assert approve(limit("a", quantity="0.004", reduce_only=True), rules)


@pytest.mark.parametrize("quantity", ["0.001", "0.010", "900"])
@pytest.mark.parametrize("make", [market, limit, stop])
def test_what_reduces_is_never_held_back(make, quantity):
    order = replace(make("a", quantity=quantity), reduce_only=True)
    assert approve(order, RULES, Bounds(max_notional=D(1), reference=D(1))).value == order


@pytest.mark.parametrize("order", [market("a", quantity="0.0001"), limit("a", price="1"), stop("a", reduce_only=False)])
def test_an_exit_is_approved_always_and_bound_to_reduce(order):
    assert approve_exit(order).value == replace(order, reduce_only=True)


def test_a_bound_of_zero_is_none():
    assert approve(limit("a", quantity="100"), RULES, Bounds())


# ------------------------------------------------------------------------------------- nothing gets around it: types
SNIPPET = f"""
from decimal import Decimal
from triplane.data.instruments import Instrument
from triplane.execution.messages import PlaceOrder
from triplane.execution.risk import approve, approve_exit
from triplane.venues.base import NewOrder, OrderType, Venue


async def send(venue: Venue, rules: Instrument) -> None:
    order = NewOrder("a", "{SYMBOL}", 1, OrderType.MARKET, Decimal(1))
    await venue.place(approve(order, rules))
    PlaceOrder("a", approve(order, rules))
    await venue.place(approve_exit(order))
    PlaceOrder("a", approve_exit(order))
    await venue.place(order)  # unapproved
    PlaceOrder("a", order)  # unapproved
"""


def test_a_type_checker_proves_that_nothing_is_placed_unapproved(tmp_path):
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET)
    config = PACKAGE.parent / "pyproject.toml"
    if not config.is_file():
        pytest.skip("the configuration is not installed with the package")
    command = [sys.executable, "-m", "mypy", "--config-file", str(config), "--follow-imports", "silent", str(snippet)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PACKAGE.parent)
    found = [line for line in done.stdout.splitlines() if "[arg-type]" in line]
    wrong = [n for n, line in enumerate(SNIPPET.splitlines(), 1) if "unapproved" in line]
    assert [int(line.split(":")[1]) for line in found] == wrong, done.stdout + done.stderr
    assert all("NewOrder" in line and "Approved" in line for line in found)
    assert "Found 2 errors" in done.stdout, done.stdout + done.stderr


def makes_approved(tree):
    """Lines that make an Approved, under any name that it was given in an import."""
    names = {"Approved"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname for alias in node.names if alias.name == "Approved" and alias.asname}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        call.lineno
        for call in calls
        if (isinstance(call.func, ast.Name) and call.func.id in names)
        or (isinstance(call.func, ast.Attribute) and call.func.attr == "Approved")
        or (isinstance(call.func, ast.Subscript) and "Approved" in ast.unparse(call.func))
    ]


def test_only_risk_approves():
    makers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if makes_approved(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert makers == {"execution/risk.py"}


@pytest.mark.parametrize(
    "source",
    ["Approved(order)", "base.Approved(order)", "Approved[NewOrder](order)",
     "from triplane.venues.base import Approved as A\nA(order)"],
)  # fmt: skip
def test_the_search_finds_every_way_to_approve(source):
    assert makes_approved(ast.parse(source))
