"""The list of facts for people, made from their declarations."""

from typing import Any

import msgspec
from msgspec import inspect

from triplane.model.facts import FACTS, Fact, event_name

HEAD = """# Facts

What a session tells, in the order of its journal: on the socket (topic `facts`), over `GET /events`, and line by line
in `facts.jsonl` beside each journal. [Architecture](architecture.md) says how they travel; this list is made from
their declarations in `triplane/model/facts.py`.

Every fact has `event` (its name), `session_id`, `seq` (its number in the session, from 1), `time` (market time at
which it was known), `symbol` (empty when it concerns the whole session) and `decision` (number of the decision behind
it, 0 for none).
Times are milliseconds since 1970, UTC; amounts of orders, fills and balances are exact decimals in text.
"""
NAMES: dict[type, str] = {
    inspect.StrType: "text", inspect.IntType: "integer", inspect.FloatType: "number", inspect.NoneType: "null",
    inspect.BoolType: "true or false", inspect.DictType: "object",
}  # fmt: skip
COMMON = {field.name for field in msgspec.structs.fields(Fact)}


def markdown() -> str:
    """The page."""
    return HEAD + "".join(_section(kind) for kind in FACTS)


def _section(kind: type[Fact]) -> str:
    table = f" Table `{kind.table}`." if kind.table else ""
    rows = [
        f"| `{field.name}` | {_type(field.type)} | {_text(field.type)} |\n"
        for field in _fields(kind)
        if field.name not in COMMON
    ]
    return (
        f"\n## {event_name(kind)}\n\n{(kind.__doc__ or '').strip()}{table}\n\n"
        f"| field | type | |\n|---|---|---|\n{''.join(rows)}"
    )


def _fields(kind: type[Fact]) -> Any:
    shape: Any = inspect.type_info(kind)
    return shape.fields


def _type(of: Any) -> str:
    if isinstance(of, inspect.Metadata):
        column = str((of.extra or {}).get("column"))
        return {"money": "decimal", "millis": "time"}.get(column, "") or _type(of.type)
    if isinstance(of, inspect.UnionType):
        return " or ".join(_type(one) for one in of.types)
    if isinstance(of, inspect.StructType):
        return of.cls.__name__
    if isinstance(of, inspect.ListType):
        return f"list of {_type(of.item_type)}"
    return NAMES.get(type(of), "any")


def _text(of: Any) -> str:
    """What the declaration says of a field."""
    if isinstance(of, inspect.Metadata):
        found: str = (of.extra_json_schema or {}).get("description", "")
        column = (of.extra or {}).get("column")
        return _text(of.type) if column and found.startswith(("Exact decimal", "Milliseconds")) else found
    if isinstance(of, inspect.UnionType):
        return next((text for one in of.types if (text := _text(one))), "")
    return ""
