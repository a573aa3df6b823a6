"""A small build as the report reads it, and the report's page as the tests read it."""

from __future__ import annotations

import copy
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
from builds import described
from invented import full_record, record

from builders import report
from builders.record.parquet import RejectWriter, SplitWriter
from builders.record.types import sample_id

VOID = {"meta", "br", "link", "input", "img"}


class Page(HTMLParser):
    """A page or part of one: its tags, its table rows, its text; elements must close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.pieces: list[str] = []
        self._cell: list[str] | None = None
        self.feed(html)
        self.close()
        self.text = " ".join(" ".join(self.pieces).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._cell = []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag in ("td", "th") and self._cell is not None:
            self.rows[-1].append(" ".join("".join(self._cell).split()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)
        if self.open and self.open[-1] != "style":
            self.pieces.append(data)

    def row(self, *cells: str) -> list[str]:
        """Return the one row that begins with these cells."""
        found = [row for row in self.rows if tuple(row[: len(cells)]) == cells]
        assert len(found) == 1, f"{len(found)} rows begin with {cells}"
        return found[0]


def sample(number: int, split: str = "train", **given: Any) -> dict[str, Any]:
    """Return a valid sample; `given` replaces what the report looks at."""
    one = copy.deepcopy(record(number))
    one["id"] = sample_id("meld", split, "1", str(number))
    one["source"]["split"] = split
    if seconds := given.get("seconds"):
        one["audio"] = {"path": f"{one['id']}.flac", "bytes": None}
        one["audio_info"] |= {"origin": "acted", "duration": seconds}
    one["audio_info"]["findings"] = [
        {"code": code, "value": None, "detail": None} for code in given.get("findings", ())
    ]
    one["text_context"] = full_record()["text_context"] * given.get("turns", 0)
    one["target_utterance"]["text"] = given.get("text", "The kettle broke again.")
    one["target_utterance"]["emotions"]["primary"] = given.get("emotion", "sadness")
    one["annotation"]["match_leaf"] = given.get("match", "exact")
    one["desired_response"]["text"] = given.get("reply", "That is a nuisance, I can hear it.")
    one["desired_response"]["strategies"] = given.get("strategies", ["validation"])
    one["drafting"]["attempts"] = given.get("attempts", 1)
    one["rights"] |= {
        "text": given.get("may_show", "yes"),
        "derived": given.get("may_derive", "yes"),
    }
    return one


def make_build(
    folder: Path, records: list[dict[str, Any]], rejects: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    """Write the files of a build and return its manifest, which counts 2 not selected in train."""
    (folder / "data").mkdir(parents=True)
    splits = {
        split: {"read": 0, "kept": 0, "rejected": {}, "not_selected": {}}
        for split in ("train", "test")
    }
    splits["train"]["not_selected"] = {"limit": 2}
    splits["train"]["read"] = 2
    files = []
    for split, counts in splits.items():
        writer = SplitWriter(folder / "data", split)
        for one in records:
            if one["source"]["split"] == split:
                writer.add(orjson.dumps(one), b"flac" if one["audio"] else None)
                counts["read"] += 1
                counts["kept"] += 1
        files += [path.relative_to(folder).as_posix() for path in writer.close()]
    rejected = RejectWriter(folder / "rejected.parquet")
    for row in rejects or []:
        rejected.add(row)
        counts = splits[row["split"]]
        counts["read"] += 1
        counts["rejected"][row["reason"]] = counts["rejected"].get(row["reason"], 0) + 1
    rejected.close()
    return described(folder, {"result": make_result(splits, files), "run": make_run()})


def make_result(splits: dict[str, Any], files: list[str]) -> dict[str, Any]:
    total = {name: sum(counts[name] for counts in splits.values()) for name in ("read", "kept")}
    for name in ("rejected", "not_selected"):
        total[name] = sum(sum(counts[name].values()) for counts in splits.values())
    config = {"corpus": "meld", "model": "tiny", "provider": "openai-compatible"}
    config |= {"context_turns": 8, "mapping_version": "7.0.0+abc", "emotions": []}
    return {
        "name": "trial",
        "limit": 5,
        "config": config,
        "counts": total,
        "splits": splits,
        "notes": [{"note": "recut_twin_used", "split": "test", "count": 132}],
        "files": [
            {"path": path, "bytes": 1234, "rows": 1, "sha256": "ab" * 32}
            for path in [*files, "rejected.parquet"]
        ],
    }


def make_run() -> dict[str, Any]:
    return {
        "finished": 1_700_000_000.0,
        "seconds": 12.34,
        "requests": 4321,
        "cost": {"prompt_tokens": 98765, "completion_tokens": 4567, "usd": 0.0123},
        "versions": {"python": "3.11.7"},
    }


def reject(reason: str, detail: str, stage: str = "draft", split: str = "train") -> dict[str, str]:
    return {"id": f"meld-{split}-9-9", "split": split, "stage": stage, "reason": reason} | {
        "detail": detail,
        "raw": '{"text": "kept to itself"}',
    }


def written(folder: Path, manifest: dict[str, Any]) -> str:
    return report.write(folder, manifest).read_text("utf-8")


def section(html: str, heading: str) -> Page:
    """The one section under a heading."""
    found = [part for part in html.split("<section") if f"<h2>{heading}</h2>" in part]
    assert len(found) == 1, f"{len(found)} sections are headed {heading}"
    return Page("<section" + found[0].partition("</section>")[0] + "</section>")
