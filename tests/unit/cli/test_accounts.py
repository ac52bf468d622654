"""``triplane accounts``: what a person sees of an account, and how it is begun anew."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from triplane.cli.main import make_app
from triplane.cli.output import console
from triplane.engine.account import Account, Held
from triplane.kernel.codes import Reason


def keep(data: Path, mode: str = "paper", venue: str = "demo", name: str = "main", **changes: Any) -> None:
    account = Account(data, mode, venue, name)
    values = {
        "session": "s1",
        "state": {"balance": 9_600.0, "epoch": 2, "halted": 1, "halt_code": int(Reason.DAILY_LOSS)},
        "held": {"BTCUSDT": Held(0.5, 20.0, 19.0)},
    } | changes
    account.write(type(account.record)(mode=mode, venue=venue, account=name, **values))
    account.release()


def ran(data: Path, *arguments: str) -> Any:
    return CliRunner().invoke(make_app(["accounts"]), ["accounts", *arguments, "--data-dir", str(data)])


def listed(data: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(ran(data, "list", "--json").stdout)
    return found


def test_the_list_tells_money_halts_and_what_is_open(tmp_path: Path) -> None:
    keep(tmp_path)
    (one,) = listed(tmp_path)
    assert (one["account"], one["mode"], one["venue"], one["session"]) == ("main", "paper", "demo", "s1")
    assert (one["balance"], one["halt_reason"], one["open"], one["epoch"]) == (
        9_600.0, "daily_loss", {"BTCUSDT": 0.5}, 2,
    )  # fmt: skip
    shown = ran(tmp_path, "list").stdout
    assert "9,600.00" in shown
    assert "daily_loss" in shown


@pytest.mark.parametrize("width", ["40", "60", "80"])
def test_nothing_of_the_list_is_cut_in_a_narrow_terminal(tmp_path: Path, width: str) -> None:
    keep(tmp_path)
    session = "261122-051943-va9p"
    account = Account(tmp_path, "paper", "demo", "main")
    account.write(replace(account.record, session=session))
    account.release()
    app = make_app(["accounts"])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(console, "width", int(width))
        shown = CliRunner().invoke(app, ["accounts", "list", "--data-dir", str(tmp_path)]).stdout
    assert "…" not in shown
    cells = [line.split("│")[1:-1] for line in shown.splitlines() if line.startswith("│")]
    whole = ["".join(column).replace(" ", "") for column in zip(*cells, strict=True)]
    assert whole == ["main", "paper", "demo", "9,600.00", "daily_loss", "0.5BTCUSDT", session]


def test_a_paper_account_is_begun_anew(tmp_path: Path) -> None:
    keep(tmp_path)
    assert ran(tmp_path, "reset", "main").exit_code == 0
    account = Account(tmp_path, "paper", "demo", "main")
    assert account.opening("") == {"epoch": 3}
    account.release()


def test_an_account_at_a_venue_is_settled_and_keeps_its_halt(tmp_path: Path) -> None:
    keep(tmp_path, mode="testnet", venue="binance")
    refused = ran(tmp_path, "reset", "main", "--mode", "testnet")
    assert refused.exit_code == 2
    assert "only a paper account can be reset" in refused.stderr
    assert ran(tmp_path, "settled", "main", "--mode", "testnet").exit_code == 0
    account = Account(tmp_path, "testnet", "binance", "main")
    assert account.opening("")["halted"] == 1
    account.release()


def test_there_is_nothing_to_settle_on_paper(tmp_path: Path) -> None:
    keep(tmp_path)
    run = ran(tmp_path, "settled", "main", "--mode", "paper")
    assert run.exit_code == 2
    assert "triplane accounts reset" in run.stderr


def test_a_damaged_record_of_a_venue_is_not_given_up(tmp_path: Path) -> None:
    keep(tmp_path, mode="live", venue="binance")
    (path,) = tmp_path.glob("accounts/*/record.json")
    path.write_bytes(b"")
    for words in ((path.parent.name,), ("main", "--mode", "live", "--venue", "binance")):
        run = ran(tmp_path, "reset", *words)
        assert run.exit_code == 2
        assert "Only a paper account can be reset" in run.stderr
    assert path.is_file()


def test_one_that_is_traded_now_is_left_alone(tmp_path: Path) -> None:
    keep(tmp_path)
    account = Account(tmp_path, "paper", "demo", "main")
    run = ran(tmp_path, "reset", "main")
    assert run.exit_code == 1
    assert "traded by another session" in run.stderr
    account.release()


@pytest.mark.parametrize("content", [b"", b"{}", b"not JSON"])
def test_a_damaged_record_is_listed_and_put_aside(tmp_path: Path, content: bytes) -> None:
    keep(tmp_path)
    (path,) = tmp_path.glob("accounts/*/record.json")
    path.write_bytes(content)
    (one,) = listed(tmp_path)
    assert "damaged" in one["error"]
    assert ran(tmp_path, "reset", one["account"]).exit_code == 0
    assert listed(tmp_path) == []
    (kept,) = path.parent.glob("record-*.json")
    assert kept.read_bytes() == content


def test_a_name_must_be_of_one(tmp_path: Path) -> None:
    keep(tmp_path)
    keep(tmp_path, venue="binance")
    assert "there is none of this name" in ran(tmp_path, "reset", "other").stderr
    run = ran(tmp_path, "reset", "main")
    assert run.exit_code == 2
    assert "--venue: binance, demo" in run.stderr
    assert ran(tmp_path, "reset", "main", "--venue", "demo").exit_code == 0
    assert "does not exist" in ran(tmp_path / "nowhere", "list").stderr
