"""Prints the OpenAPI document, from which the page's types are made: ``python -m triplane.api.describe``."""

import json
import sys
from typing import Any

from fastapi import FastAPI

from triplane.api.app import DESCRIPTION, add_routes
from triplane.version import __version__


def openapi() -> dict[str, Any]:
    """The description of the API, of an application that is not started."""
    app = FastAPI(title="Triplane", version=__version__, description=DESCRIPTION, openapi_url=None)
    add_routes(app)
    return app.openapi()


if __name__ == "__main__":
    json.dump(openapi(), sys.stdout, indent=1)
