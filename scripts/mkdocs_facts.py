"""A hook of mkdocs: the page of facts is made from their declarations, whenever the docs are."""

from typing import Any

from facts_page import markdown
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: Any, **_: Any) -> Files:
    files.append(File.generated(config, "facts.md", content=markdown()))
    return files
