"""Reading the text files below one folder."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase

from llmagentos.errors import ToolError, shown
from llmagentos.tools.bounds import Line, Path, Position
from llmagentos.tools.rooted import Root
from llmagentos.tools.tool import Tool, tool

MAX_BYTES = 16 << 20  # of a file that is read
MAX_LINES = 200  # of a file in one answer
MAX_LINE = 500  # characters of a line in one answer
MAX_FOUND = 100  # files or lines that one answer lists


def file_tools(root: str | os.PathLike[str]) -> list[Tool]:
    """Tools that list, read and search the files below the folder `root`, and no others.

    Raises:
        InvalidRequestError: `root` is no folder.
    """
    folder = Root(root)

    @tool(idempotent=True)
    def list_files(pattern: Path = "*") -> str:
        """List files with their sizes in bytes.

        Args:
            pattern: only files whose path matches it, such as "*.md" or "notes/*".
        """
        found = [f"{path} ({status.st_size:,})" for path, status in folder.walk() if fnmatchcase(path, pattern)]
        return _listed(found, "files") if found else f"no file matches {shown(pattern)}"

    @tool(idempotent=True)
    def read_file(path: Path, first_line: Position = 1) -> str:
        """Read a text file, or the next part of a long one.

        Args:
            path: the file's path, as list_files gives it.
            first_line: number of the line to begin with.
        """
        lines = folder.read_text(path, MAX_BYTES).split("\n")
        if lines[-1] == "":
            lines.pop()
        if not lines:
            return f"{path} is empty"
        if not 1 <= first_line <= len(lines):
            raise ToolError(f"first_line={first_line} is not valid: {shown(path)} has lines 1 to {len(lines)}")
        part = lines[first_line - 1 : first_line - 1 + MAX_LINES]
        last = first_line + len(part) - 1
        rest = f"\n[lines {first_line} to {last} of {len(lines)}; go on with first_line={last + 1}]"
        return "\n".join(map(_short, part)) + (rest if last < len(lines) else "")

    @tool(idempotent=True)
    def search_files(text: Line, pattern: Path = "*") -> str:
        """Find the lines of text files that contain a text, in upper or lower case.

        Args:
            text: what to look for.
            pattern: only in files whose path matches it, such as "*.py".
        """
        wanted = text.casefold()
        if not wanted:
            raise ToolError("text is empty; say what to look for")
        found: list[str] = []
        skipped = 0
        for path, _ in folder.walk():
            if not fnmatchcase(path, pattern):
                continue
            try:
                lines = folder.read_text(path, MAX_BYTES).split("\n")
            except ToolError:
                skipped += 1
                continue
            found += [f"{path}:{i}: {_short(line)}" for i, line in enumerate(lines, 1) if wanted in line.casefold()]
            if len(found) > MAX_FOUND:
                break
        left_out = f"\n[{skipped} files are no text, or too large, and were not searched]" if skipped else ""
        return (_listed(found, "lines") if found else f"no line contains {shown(text)}") + left_out

    return [list_files, read_file, search_files]


def _short(line: str) -> str:
    return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]} [{len(line) - MAX_LINE} characters more]"


def _listed(found: list[str], what: str) -> str:
    more = f"\n[only the first {MAX_FOUND} {what}; ask for fewer]" if len(found) > MAX_FOUND else ""
    return "\n".join(found[:MAX_FOUND]) + more
