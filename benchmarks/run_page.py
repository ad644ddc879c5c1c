"""Run the Python blocks of a page in order, and write what each prints in the block below it.

    python benchmarks/run_page.py docs/tutorial.md

A block of output directly follows its block of code. Blocks share their names; they run in an empty folder.
"""

import argparse
import contextlib
import io
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# A block of Python, and the block of output that may follow it at once.
_BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```\n(?P<output>```\n.*?^```\n)?", re.MULTILINE | re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="+", type=Path)
    for path in parser.parse_args().pages:
        page = path.read_text(encoding="utf-8")
        path.write_text(with_outputs(page, run_blocks(page)), encoding="utf-8")


def python_blocks(page: str) -> list[str]:
    """The Python blocks of a page in Markdown."""
    return [match["code"] for match in _BLOCK.finditer(page)]


def run_blocks(page: str) -> list[str]:
    """What each Python block of a page prints."""
    names: dict[str, Any] = {"__name__": "page"}
    outputs = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for place, code in enumerate(python_blocks(page), 1):
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(compile(code, f"block {place}", "exec"), names)
            outputs.append(output.getvalue())
    return outputs


def with_outputs(page: str, outputs: list[str]) -> str:
    """The page with these outputs below its blocks."""
    left: Iterator[str] = iter(outputs)

    def block(match: re.Match[str]) -> str:
        output = "".join(f"{line.rstrip()}\n" for line in next(left).splitlines())
        return f"```python\n{match['code']}```\n" + (f"```\n{output}```\n" if output else "")

    return _BLOCK.sub(block, page)


if __name__ == "__main__":
    main()
