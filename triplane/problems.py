"""What pydantic finds wrong with a value, in the words of whoever typed it.

A settings file, a command line and a request say it alike: name, value, what is allowed. Values that are secret, or may
be because nothing is declared under their name, are never repeated.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, get_args

from pydantic import BaseModel

Problem: TypeAlias = Mapping[str, Any]
"""One of pydantic's errors: ``type``, ``loc``, ``input``, ``ctx``, ``msg``."""
Place: TypeAlias = Sequence[str | int]
"""Where a value stands in nested settings."""

_RULES: Final = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be greater than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "int": "must be a whole number",
    "float": "must be a number",
    "finite_number": "must be a finite number",
    "bool": "must be true or false",
    "decimal": "must be a decimal number",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string": "must be text",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "list": "must be a list",
    "dict": "must hold names and values",
    "model": "must hold names and values",
    "path": "must be a path",
}
"""Beginning of pydantic's error type to what is allowed; the more special ones first."""


def dotted(place: Place) -> str:
    """A place as it is written: ``trading.max_drawdown``."""
    return ".".join(map(str, place))


def allowed(problem: Problem) -> str:
    """What may stand there: ``must be at most 65535``."""
    for start, text in _RULES.items():
        if problem["type"].startswith(start):
            return text.format(**{name: _round(value) for name, value in problem.get("ctx", {}).items()})
    message = str(problem["msg"]).removeprefix("Value error, ").rstrip(".")
    return message if message.startswith("must ") else f"is not allowed: {message}"


def short(value: object) -> str:
    """A value for a sentence."""
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def sentence(problem: Problem, kind: type[BaseModel], name: str) -> str:
    """What is wrong with a value of a model, which its user knows as ``name``."""
    names, types = _declared(kind, problem["loc"])
    if problem["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(problem["loc"][-1]), names, 1)
        return f"{name} is not a setting" + (f"; did you mean {close[0]}?" if close else "")
    if problem["type"] == "missing":
        return f"{name} is missing"
    if any("Secret" in repr(declared) for declared in types):
        return f"{name} cannot be used; it {allowed(problem)}"
    return f"{name} is {short(problem['input'])}; it {allowed(problem)}"


def _round(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models inside a type: ``list[Target] | None`` has ``Target``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def _declared(kind: type[BaseModel], place: Place) -> tuple[list[str], list[Any]]:
    """The names in the innermost model at ``place``, and the types declared on the way there."""
    models, names, types = [kind], list(kind.model_fields), []
    for name in (part for part in place if isinstance(part, str)):
        fields = [model.model_fields[name] for model in models if name in model.model_fields]
        types += [field.annotation for field in fields]
        models = [model for field in fields for model in models_in(field.annotation)]
        names = [name for model in models for name in model.model_fields] or names
    return names, types
