"""What the shapes of the router's service share."""

from typing import Any

from pydantic import BaseModel, ConfigDict


def example(value: dict[str, Any], *, strict: bool = False) -> ConfigDict:
    """Make a model's configuration with ``value`` as its example; ``strict`` refuses unknown fields."""
    return ConfigDict(json_schema_extra={"example": value}, extra="forbid" if strict else "ignore")


class Health(BaseModel):
    """The process lives."""

    model_config = example({"status": "ok", "version": "0.1.0"})

    status: str
    version: str
