"""What is wrong with a value, in one sentence, and never with a secret in it."""

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from triplane.problems import dotted, sentence


class Target(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: SecretStr = Field(min_length=10)
    level: int = Field(1, ge=1, le=3)


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    port: int = Field(1, lt=65536)
    password: SecretStr = SecretStr("")
    targets: list[Target] = Field([], max_length=2)
    names: dict[str, float] = {}


def told(**values: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Settings(**values)
    problem = caught.value.errors()[0]
    return sentence(problem, Settings, dotted(problem["loc"]))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"port": 65536}, "port is 65536; it must be less than 65536"),
        ({"port": "x" * 200}, f"port is '{'x' * 78}…; it must be a whole number"),
        ({"names": {"a": "b"}}, "names.a is 'b'; it must be a number"),
        ({"names": 3}, "names is 3; it must hold names and values"),
        ({"targets": [{"url": "0123456789", "level": 9}]}, "targets.0.level is 9; it must be at most 3"),
        ({"targets": [{}]}, "targets.0.url is missing"),
        ({"targets": [{"url": "0123456789", "levle": 1}]}, "targets.0.levle is not a setting; did you mean level?"),
        ({"prot": 1}, "prot is not a setting; did you mean port?"),
        ({"zzz": 1}, "zzz is not a setting"),
    ],
)
def test_name_value_and_what_is_allowed(values: dict[str, Any], text: str) -> None:
    assert told(**values) == text


@pytest.mark.parametrize(
    "values",
    [
        {"password": ["s3cret"]},
        {"pasword": "s3cret"},
        {"targets": [{"url": "s3cret"}]},
        {"targets": [{"url": "discord://a/b", "token": "s3cret"}]},
    ],
)
def test_a_secret_is_never_repeated(values: dict[str, Any]) -> None:
    assert "s3cret" not in told(**values)
