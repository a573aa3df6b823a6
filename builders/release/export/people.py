"""People's replies in the place of the drafts, for an export of what was really said.

The rows of `hearten mine` are read in step with the records, one row group in memory.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from builders.errors import ConfigError
from builders.record.data_file import DataFile
from builders.record.human_replies import FOLDER, HumanReplies, HumanReply
from builders.record.manifest import read_manifest
from builders.record.views import SampleRecord
from builders.release.consent import NO_VOICES, VoiceTable
from builders.release.eligibility import EXCLUDED, Restrictions
from builders.release.export.choosing import LeftOut
from builders.release.mining import digest_of_build
from builders.release.mining.answering import AnswerRules
from builders.tasks.reply.tagging import UNKNOWN

# The name of the provider that is counted.
PEOPLE = "people"


class PeoplesReplies:
    """The replies of people to the records of a build.

    Args:
        folder: the build's folder.
        spoken: whether a reply needs its clip.
        known: the ids that may not be used.
        voices: who consented; a clip of somebody who did not is none.

    Raises:
        ConfigError: the build was not mined, or replaced since.
        VerificationError: a file is not what was mined.
    """

    def __init__(
        self, folder: Path, spoken: bool, known: Restrictions, voices: VoiceTable = NO_VOICES
    ) -> None:
        mined = HumanReplies(folder).verify()
        if mined.manifest["identity"].get("the build") != digest_of_build(read_manifest(folder)):
            raise ConfigError(
                "the build was replaced after its replies of people were mined",
                where=folder,
                do=f"delete {folder / FOLDER} and run hearten mine {folder}",
            )
        self._spoken, self._known, self._rules = spoken, known, AnswerRules.load()
        self._voices = voices
        self._columns = ["id", "reply_id", "reply", "strategies"]
        self._columns += ["reply_audio", "reply_speaker"] if spoken else []
        self._files = [DataFile(path) for path in mined.shards()]
        self._at: dict[str, tuple[int, int, int]] = {}
        self._held: tuple[tuple[int, int], pa.Table] | None = None
        for number, file in enumerate(self._files):
            for group, table in enumerate(file.groups(["id"])):
                for place, name in enumerate(table.column("id").to_pylist()):
                    self._at[name] = number, group, place

    def instead(self, record: SampleRecord) -> SampleRecord | LeftOut:
        """Return a record with what a person replied, or why there is no such thing."""
        if record["id"] not in self._at:
            return LeftOut("no_human_reply", "no next turn answers it; see hearten mine")
        if reason := self._rules.of_review(record["review"]):
            return LeftOut(reason, "the people who reviewed the sample are against it")
        row = self._row(record["id"])
        if self._known.excluded(row["reply_id"]):
            return LeftOut(EXCLUDED, "the reply was excluded from use")
        if self._spoken and self._voices.refused(record["id"], row["reply_speaker"]):
            return LeftOut("no_consent", "the speaker of the reply did not consent")
        if self._spoken and row["reply_audio"] is None:
            return LeftOut("no_reply_clip", "the reply has no clip; hearten mine --source reads it")
        found = [one["strategy"] for one in row["strategies"] if one["strategy"] != UNKNOWN]
        said = {**record["desired_response"], "text": row["reply"], "strategies": found}
        by = {**record["drafting"], "provider": PEOPLE}
        clip = row["reply_audio"] if self._spoken else None
        whole = {**record, "desired_response": said, "drafting": by, "reply_audio": clip}
        return whole  # type: ignore[return-value] # the same keys, of the same types

    def _row(self, name: str) -> HumanReply:
        number, group, place = self._at[name]
        if self._held is None or self._held[0] != (number, group):
            self._held = (number, group), self._files[number].group(group, self._columns)
        row: HumanReply = self._held[1].slice(place, 1).to_pylist()[0]
        return row
