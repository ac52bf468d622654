"""The help of the whole program can be read in a terminal of 80 columns."""

import re

from typer.testing import CliRunner

from triplane.cli.config import Config
from triplane.cli.main import make_app


def test_the_help_of_up_has_every_name_whole_in_80_columns() -> None:
    done = CliRunner().invoke(make_app(["up"]), ["up", "--help"], env={"COLUMNS": "80"})

    assert done.exit_code == 0
    names = set(re.findall(r"^  (--\S+)", done.stdout, re.MULTILINE))
    for field in type(Config().trading).model_fields:
        assert any(name.partition("/")[0] == f"--trading.{field.replace('_', '-')}" for name in names), field
    assert max(map(len, done.stdout.splitlines())) <= 80
