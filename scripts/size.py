"""How big the product is: ``python scripts/size.py``, or ``make size``.

Counted are lines that hold code: no blank line, no comment, no docstring (a bare string is one wherever it stands). The
platform and the exchange in a box stand apart, since the box is a product of its own; tests are counted but not
bounded. The bounds keep the design honest: what is added must be paid for by what is no longer needed. Exit code 1 when
one is exceeded.
"""

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLATFORM, BOX, TOGETHER = 28_000, 4_500, 25_000
"""What the design allows the platform with its page, the box, and the Python of both together."""
FILE_LINES, FUNCTION_LINES = 500, 60
"""A longer file is two ideas; a longer function is two steps. All lines count here: that is what a reader scrolls."""

PAGE_SUFFIXES = {".ts", ".tsx", ".css"}
MADE = {"static", "compiled", "__pycache__", "schema.d.ts"}
"""What is made from the rest: the built page, compiled strategies, the types of the API."""
SILENT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
PAGE_TEXT = re.compile(
    r"""(?P<kept>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)"""
    r"""|\{\s*/\*.*?\*/\s*\}|/\*.*?\*/|(?<![:\w])//[^\n]*""",
    re.DOTALL,
)


@dataclass
class Size:
    """What was counted in a tree of files."""

    folders: Counter[str] = field(default_factory=Counter)
    long_files: list[tuple[str, int]] = field(default_factory=list)
    long_functions: list[tuple[str, int]] = field(default_factory=list)

    @property
    def lines(self) -> int:
        return self.folders.total()


def python_lines(source: str) -> int:
    """Lines that hold code."""
    held: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in SILENT:
            held.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            held.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(held)


def page_lines(source: str) -> int:
    """Lines that hold code in TypeScript or CSS."""
    bare = PAGE_TEXT.sub(lambda found: found["kept"] or "\n" * found[0].count("\n"), source)
    return sum(1 for line in bare.splitlines() if line.strip())


def functions(source: str) -> Iterator[tuple[str, int]]:
    """Name and length of each function, decorators not counted."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def count(paths: Iterable[Path], top: Path) -> Size:
    """Some files, by the folders right below ``top``."""
    size = Size()
    for path in sorted(paths):
        source, name = path.read_text(), str(path.relative_to(ROOT))
        parts = path.relative_to(top).parts
        python = path.suffix == ".py"
        size.folders[parts[0] if len(parts) > 1 else "."] += python_lines(source) if python else page_lines(source)
        if (length := source.count("\n")) > FILE_LINES:
            size.long_files.append((name, length))
        if python:
            size.long_functions += [(f"{name}: {f}", n) for f, n in functions(source) if n > FUNCTION_LINES]
    return size


def measure() -> dict[str, Size]:
    """The parts of the product; the box's folders are told one deeper."""
    package, page = ROOT / "triplane", ROOT / "ui" / "src"
    box = package / "exchange"
    python = {path for path in package.rglob("*.py") if MADE.isdisjoint(path.parts)}
    boxed = {path for path in python if path.is_relative_to(box)}
    shown = [path for path in page.rglob("*") if path.suffix in PAGE_SUFFIXES and MADE.isdisjoint(path.parts)]
    tests = [path for folder in ("tests", "ui/tests") for path in (ROOT / folder).rglob("*")]
    return {
        "platform": count(python - boxed, package),
        "page": count(shown, page),
        "box": count(boxed, box),
        "tests": count([path for path in tests if path.suffix in {".py", ".ts"}], ROOT),
    }


def bounds(parts: dict[str, Size]) -> list[tuple[str, int, int]]:
    """What is bounded, how many lines it has, and how many it may have."""
    lines = {name: size.lines for name, size in parts.items()}
    return [
        ("platform + page", lines["platform"] + lines["page"], PLATFORM),
        ("box", lines["box"], BOX),
        ("platform + box", lines["platform"] + lines["box"], TOGETHER),
    ]


def show(parts: dict[str, Size]) -> None:
    """Print everything."""
    for name, size in parts.items():
        print(f"{name:<20}{size.lines:>8,}")
        for folder, lines in sorted(size.folders.items(), key=lambda item: -item[1]):
            print(f"  {folder:<18}{lines:>8,}")
    for size in parts.values():
        for name, length in size.long_files:
            print(f"long file: {name}, {length} lines")
        for name, length in size.long_functions:
            print(f"long function: {name}, {length} lines")
    print(f"\n{'':<20}{'lines':>8}{'bound':>8}")
    for what, lines, bound in bounds(parts):
        print(f"{what:<20}{lines:>8,}{bound:>8,}{'  exceeded' if lines > bound else ''}")


def main() -> int:
    """The command."""
    parts = measure()
    show(parts)
    return int(any(lines > bound for _, lines, bound in bounds(parts)))


if __name__ == "__main__":
    sys.exit(main())
