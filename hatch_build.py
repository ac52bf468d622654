"""A wheel with machine code in it (``make wheel``) is for one Python and one platform; without, it is for all."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledWheel(BuildHookInterface):  # type: ignore[type-arg]
    """Sets the tag of the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the builder's signature
        """Called before the files are gathered."""
        if any(Path(self.root, "triplane", "compiled").glob("*.nbc")):
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
