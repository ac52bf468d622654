"""Prints the OpenAPI document, from which the page's types are made: ``python -m triplane.api.describe``."""

import json
import sys
from typing import Any

from triplane.api.app import described_app


def openapi() -> dict[str, Any]:
    """The description of the API, of an application that is not started."""
    return described_app().openapi()


if __name__ == "__main__":
    json.dump(openapi(), sys.stdout, indent=1)
