"""Options from the fields of a model: which there are, what they say, and how values are told apart."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from typer.testing import CliRunner

from triplane.cli.config import Config
from triplane.cli.main import make_app
from triplane.cli.options import option_name, parse_set, with_settings
from triplane.errors import BadInput, TriplaneError


class Limits(BaseModel):
    model_config = ConfigDict(extra="forbid")

    max_loss: float | None = Field(0.5, gt=0, description="largest loss, USDT")
    keep_going: bool = Field(True, description="after a loss")


class Target(BaseModel):
    url: SecretStr


class Settings(BaseModel):
    mode: Literal["slow", "fast"] = Field("slow", description="slow, or fast")
    names: list[str] = Field([], description="names")
    params: dict[str, float] = Field({}, description="name=value")
    folder: Path = Field(Path("here"), description="folder")
    password: SecretStr = Field(SecretStr("x"), description="of the database")
    targets: list[Target] = Field([], description="where alerts go")
    limits: Limits = Field(Limits(), description="Limits")


def run(*words: str, fail: Exception | None = None) -> Any:
    seen: dict[str, Any] = {}

    def resolve(path: Path | None, given: Any) -> Settings:
        seen.update(path=None if path is None else str(path), given=given)
        return Settings.model_validate(given)

    @with_settings(Settings, resolve)
    def command(settings: Settings, *, loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
        """Do it."""
        if fail:
            raise fail
        typer.echo(json.dumps(seen | {"settings": settings.model_dump(mode="json"), "loud": loud}))

    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    return json.loads(done.stdout) if done.exit_code == 0 and words != ("--help",) else done


def test_only_what_was_typed_is_given() -> None:
    assert run()["given"] == {}
    typed = run(
        "--mode", "fast", "--names", "a, b", "--set", "x=1", "--set", "y=2", "--limits.max-loss", "3", "--loud",
        "--limits.no-keep-going", "--config", "c.yaml",
    )  # fmt: skip
    assert typed["given"] == {
        "mode": "fast", "names": ["a", "b"], "params": {"x": "1", "y": "2"},
        "limits": {"max_loss": "3", "keep_going": False},
    }  # fmt: skip
    assert (typed["path"], typed["loud"]) == ("c.yaml", True)
    assert typed["settings"]["limits"] == {"max_loss": 3.0, "keep_going": False}


def test_none_is_no_value_where_there_may_be_none() -> None:
    assert run("--limits.max-loss", "none", "--folder", "none")["given"] == {
        "limits": {"max_loss": None}, "folder": "none",
    }  # fmt: skip


def test_the_help_has_each_description_default_and_group() -> None:
    text = run("--help").stdout
    assert "Do it." in text
    for words in ("slow|fast", "Slow, or fast.", "Largest loss, USDT.", "0.5", "─ Limits ─", "--limits.no-keep-going"):
        assert words in text


def test_secrets_and_lists_of_groups_have_no_option() -> None:
    assert not any(name in run("--help").stdout for name in ("--password", "--targets"))


@pytest.mark.parametrize(("error", "code"), [(BadInput("no"), 2), (TriplaneError("broke"), 1)])
def test_an_error_of_the_command_is_one_sentence(error: Exception, code: int) -> None:
    done = run(fail=error)
    assert done.exit_code == code
    assert done.stderr.strip().endswith(f"{error}.")


def test_names() -> None:
    assert option_name(("trading", "max_drawdown")) == "--trading.max-drawdown"
    assert option_name(("costs", "leverage")) == "--leverage"
    assert option_name(("params", "fast")) == "--set fast"
    assert option_name(("symbols", 0)) == "--symbols"


@pytest.mark.parametrize("pair", ["fast", "=1", "fast="])
def test_pairs_need_a_name_and_a_value(pair: str) -> None:
    with pytest.raises(BadInput, match="it must be key=value"):
        parse_set([pair])


def test_up_takes_every_setting() -> None:
    text = CliRunner().invoke(make_app(["up"]), ["up", "--help"], env={"COLUMNS": "200"}).stdout
    for name in set(Config.model_fields) - {"params", "go_live", "trading", "costs", "alerts", "portfolio"}:
        assert option_name((name,)) in text
    for group in ("go_live", "trading", "costs"):
        for name in Config.model_fields[group].annotation.model_fields:
            assert option_name((group, name)) in text
    for name in ("--set", "--config", "--once", "--json", "--costs.leverage", "--trading.no-break-even"):
        assert name in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--port", "99999"], "--port is '99999'; it must be at most 65535"),
        (["--port", "abc"], "--port is 'abc'; it must be a whole number"),
        (["--mode", "real"], "--mode is 'real'; it must be 'paper', 'testnet' or 'live'"),
        (["--timeframe", "45s"], "--timeframe is '45s'; it must be one of 1m, 3m"),
        (["--leverage", "500"], "--leverage is '500'; it must be at most 125"),
        (["--trading.max-drawdown", "nan"], "--trading.max-drawdown is 'nan'; it must be a finite number"),
        (["--set", "fast=abc"], "--set fast is 'abc'; it must be a number"),
        (["--set", "fats=1"], "Strategy ict_blocks has no parameter fats"),
        (["--config", "none.yaml"], "config file none.yaml cannot be read"),
    ],
)
def test_a_wrong_value_of_up_is_one_sentence(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(make_app(["up"]), ["up", "--once", *words])
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert done.stderr.strip().count("\n") == 0
