"""One process of ``triplane up``: ``python -m triplane.cli.process NAME``; ``processes.py`` says who is told what."""

import asyncio
import json
import sys
from pathlib import Path
from pkgutil import resolve_name
from typing import Final

from triplane.cli.logs import configure_logs
from triplane.cli.output import exit_code, one_sentence
from triplane.flow import child

PROCESSES: Final = {
    "engine": "triplane.cli.engine:serve",
    "page": "triplane.api.main:serve",
    "subscribers": "triplane.alerts.main:serve_child",
    "router": "triplane.cli.router:serve_child",
    "box": "triplane.cli.exchange:serve_child",
}
"""What each process runs; only that is loaded."""


def main(name: str) -> None:
    """Run the process of this name until its supervisor is gone."""
    configure_logs()
    child.prepare()
    told = json.loads(child.read_config())
    told["data_dir"] = Path(told["data_dir"])
    with exit_code(), one_sentence():
        asyncio.run(resolve_name(PROCESSES[name])(told))


if __name__ == "__main__":
    main(sys.argv[1])
