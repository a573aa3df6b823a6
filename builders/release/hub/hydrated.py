"""What hydrating gave back, and what it could not, for a person and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from builders.errors import VerificationError
from builders.release.hub.rebuilding import DIFFERENT

_FAILED = {DIFFERENT, "missing"}


@dataclass
class Hydrated:
    """The result of hydrating: `clips` counts verdicts, `missing` lists what was not restored."""

    folder: Path
    repo: str
    published: int
    same_bytes: bool | None = None
    records: int = 0
    utterances: int = 0
    clips: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    other_versions: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    human_replies: int | None = None
    pairs: int | None = None

    def as_json(self) -> dict[str, object]:
        """Return everything in plain types, for JSON."""
        return {
            "folder": str(self.folder),
            "repo": self.repo,
            "published": self.published,
            "records": self.records,
            "utterances": self.utterances,
            "clips": dict(self.clips),
            "first": self.first,
            "same_bytes": self.same_bytes,
            "other_versions": self.other_versions,
            "missing": self.missing,
            "human_replies": self.human_replies,
            "pairs": self.pairs,
        }

    def as_text(self) -> str:
        """Return everything as lines for a person."""
        whole = f"{self.records:,} of {self.published:,} published records were restored"
        lines = [f"{self.repo}: {whole}"]
        if self.utterances:
            lines.append(f"{self.utterances:,} of them are utterances without a reply")
        for name, count in self.clips.most_common():
            lines.append(f"  {count:,} {name.replace('_', ' ')} (such as {self.first[name]})")
        if self.human_replies is not None:
            lines.append(f"{self.human_replies:,} replies that people gave were restored")
        if self.pairs is not None:
            lines.append(f"{self.pairs:,} preference pairs were restored")
        lines += [f"missing: {what}" for what in self.missing]
        if self.other_versions:
            lines.append(f"versions that differ from the build: {', '.join(self.other_versions)}")
        if self.same_bytes:
            lines.append("data/ is byte-identical to the build")
        elif self.same_bytes is False:
            lines.append("data/ is not byte-identical to the build")
        return "\n".join([*lines, f"dataset: {self.folder}"])

    def check(self) -> None:
        """Raise VerificationError if an item differs from what was published."""
        bad = {name: self.clips[name] for name in sorted(_FAILED) if self.clips[name]}
        if bad:
            counts = ", ".join(f"{count:,} {name}" for name, count in bad.items())
            raise VerificationError(
                f"{counts}, such as {self.first[next(iter(bad))]}",
                where=self.folder / "hydrated.jsonl",
                expected="the clips that were published",
                do="use the corpus release named in the dataset card; the other records are in "
                "data/",
            )
