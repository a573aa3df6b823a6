"""Which records do not go out, and why: counted by reason, never dropped in silence.

An utterance that is left out must not come back as another record's earlier turn, so the ids are
gathered in a pass over a few columns before any row is written. The same pass gathers every run of
five words of the texts that may not be published, which no published word may repeat.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

RUN = 5
UNSAFE_ROUTES = {"crisis", "exclude"}
# What reviewers said of a reply that is not one to learn; a rejected one is a row of `kto` still.
REVIEWED = {"rejected": "reply_rejected_in_review", "disputed": "reply_disputed_in_review"}
_WORD = re.compile(r"\w+")
_SAFETY_COLUMNS = ("id", "safety.route")
_TEXT_COLUMNS = (
    "target_utterance.text",
    "text_context.list.element.text",
    "background.text",
    "reference_response.text",
    "audio_info.transcript.text",
)


def words(text: str) -> list[str]:
    """Return the words of a text without case and apostrophes."""
    return _WORD.findall(text.casefold().replace("’", "").replace("'", ""))


def runs(text: str) -> Iterator[int]:
    """Yield the hash of every run of five words of a text."""
    found = words(text)
    for start in range(len(found) - RUN + 1):
        yield hash(tuple(found[start : start + RUN]))


def strings(value: Any) -> Iterator[str]:
    """Yield every string in a record, whatever field holds it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def nobody(_sample_id: str) -> bool:
    """Exclude no one."""
    return False


@dataclass
class Omissions:
    """What was found before any row is written: the ids left out, the runs of closed texts.

    `excluded` says of an id whether somebody has asked that it be used no more.
    """

    ids: dict[str, str] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)
    excluded: Callable[[str], bool] = nobody

    @classmethod
    def find(
        cls,
        shards: Iterable[Path],
        rejected: Path,
        text_is_closed: bool,
        excluded: Callable[[str], bool] = nobody,
    ) -> Omissions:
        """Read the shards of a build once, a few columns of them."""
        found = cls(excluded=excluded)
        columns = _SAFETY_COLUMNS + (_TEXT_COLUMNS if text_is_closed else ())
        for shard in shards:
            with pq.ParquetFile(shard) as file:
                for batch in file.iter_batches(1000, columns=list(columns)):
                    for row in batch.to_pylist():
                        found._take(row, text_is_closed)
        if text_is_closed and rejected.is_file():
            for raw in pq.read_table(rejected, columns=["raw"]).column("raw").to_pylist():
                found._close(orjson.loads(raw))
        return found

    def _take(self, row: Mapping[str, Any], text_is_closed: bool) -> None:
        reason = "excluded" if self.excluded(row["id"]) else unfit(row)
        if reason:
            self.ids[row["id"]] = reason
        if text_is_closed:
            self._close({name: row[name] for name in row.keys() - {"id", "safety"}})

    def _close(self, texts: Any) -> None:
        for text in strings(texts):
            self.closed.update(runs(text))

    def of_record(self, record: Mapping[str, Any], published: Mapping[str, Any]) -> str | None:
        """Return why a record does not go out at all, or None.

        Args:
            record: the whole record.
            published: its row of `utterances`.
        """
        if reason := self.ids.get(record["id"]):
            return reason
        named = [turn["id"] for turn in record["text_context"]]
        if record["reference_response"]:
            named.append(record["reference_response"]["id"])
        if any(name in self.ids or self.excluded(name) for name in named):
            return "next_to_a_left_out_utterance"
        return "quotes_unpublished_text" if self.quotes(published) else None

    def of_reply(self, record: Mapping[str, Any], published: Mapping[str, Any]) -> str | None:
        """Return why a record's reply does not go out as one to learn, or None."""
        if self.quotes(published):
            return "reply_quotes_unpublished_text"
        status = record["review"] and record["review"]["status"]
        return REVIEWED.get(status) if status else None

    def quotes(self, published: Any) -> bool:
        """Return whether anything in a row repeats five words in a row of a closed text."""
        if not self.closed:
            return False
        return any(run in self.closed for text in strings(published) for run in runs(text))


def unfit(row: Mapping[str, Any]) -> str | None:
    """Return why an utterance may not go out anywhere, whatever its corpus's terms are, or None.

    The one place that decides so: `row` has the id and the safety of a record.
    """
    if row["safety"] and row["safety"]["route"] in UNSAFE_ROUTES:
        return f"safety_{row['safety']['route']}"
    return None
