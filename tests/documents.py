"""The pages of documentation, as the tests take them apart: blocks, prose, links, headings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from builds import ROOT

_FENCE = re.compile(
    r"^(?:<!-- (?P<note>[^\n]*) -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_COMMENT = re.compile(r"<!--.*?-->", re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the comment on the line before it, if any."""

    kind: str
    text: str
    note: str

    @property
    def commands(self) -> list[tuple[str, list[str]]]:
        """Return each command after a ``$`` with the lines that are shown under it."""
        found: list[tuple[str, list[str]]] = []
        for line in self.text.replace("\\\n", " ").splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
        return found


@dataclass(frozen=True)
class Document:
    """One page of documentation."""

    path: Path

    @property
    def name(self) -> str:
        """Return the page's path in the repository."""
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        """Return the whole page."""
        return self.path.read_text("utf-8")

    @property
    def blocks(self) -> list[Block]:
        """Return the fenced blocks."""
        return [
            Block(one["kind"], one["text"], one["note"] or "") for one in _FENCE.finditer(self.text)
        ]

    @property
    def unfenced(self) -> str:
        """Return the page without its fenced blocks and comments."""
        return _COMMENT.sub("", _FENCE.sub("", self.text))

    @property
    def code(self) -> list[str]:
        """Return what stands between single backquotes."""
        return re.findall(r"`([^`\n]+)`", self.unfenced)

    @property
    def prose(self) -> str:
        """Return the words that are for reading: no code, no link's address, no rows of links."""
        return _LINK.sub("]", re.sub(r"`[^`\n]+`", "", self.unfenced))

    @property
    def links(self) -> list[str]:
        """Return where its links lead."""
        return _LINK.findall(self.unfenced)

    @property
    def anchors(self) -> set[str]:
        """Return the anchors of its headings, as GitHub names them."""
        return {anchor(one) for one in re.findall(r"^#+ (.+)$", self.unfenced, re.M)}


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


README = Document(ROOT / "README.md")
CLI = Document(ROOT / "docs" / "cli.md")
PAGES = [README, *(Document(path) for path in sorted((ROOT / "docs").glob("*.md")))]
# The pages for people who work on the project.
OURS = [Document(ROOT / name) for name in ("DESIGN.md", "CONTRIBUTING.md", "CHANGELOG.md")]
