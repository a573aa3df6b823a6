"""Whose voices a build has, and who consented to their publication; unknown counts as no.

`[voices]` of a corpus's card speaks for all of its speakers, `voices.tsv` of this folder for the
voices of speech engines. The publisher's own table goes before both, row by row:

    of          voice   whose            licence        consent
    crema_d     1001    actor 1001       ODbL-1.0       no
    my_calls    *       our volunteers   signed forms   yes
    hibari-tts  *       its makers       Apache-2.0     yes

`of` is a corpus or an engine, `voice` a speaker or a voice of the engine, or * for all others.
Without consent a clip stays back; the words of the record may go out, and `hydrate` takes the clip
from the owner's files, or has it spoken again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from builders.corpora import Card, load_card, resolve_slug
from builders.errors import ConfigError, UsageError
from builders.labels.tables import tab_rows
from builders.record.reply_views import SpeechSynthesis
from builders.record.views import SampleRecord

VOICES_FILE = "voices.tsv"
ALL = "*"
_COLUMNS = ("of", "voice", "whose", "licence", "consent")
_CONSENT = ("yes", "no", "unknown")
_OURS = Path(__file__).with_name(VOICES_FILE)


@dataclass(frozen=True, slots=True)
class VoiceRow:
    """A row of a table of voices; `consent` is yes, no or unknown."""

    whose: str
    licence: str
    consent: str


@dataclass(frozen=True)
class VoiceTable:
    """A table of voices by corpus or engine, and voice; without rows by default."""

    rows: Mapping[tuple[str, str], VoiceRow] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> VoiceTable:
        """Read a publisher's table; it may be missing.

        Raises:
            ConfigError: a row is not whole, is not known, or stands there twice.
        """
        return cls(_rows(path)) if path.is_file() else cls()

    def of_speaker(self, card: Card, speaker: str | None) -> str:
        """Return whether a speaker of a corpus consented: yes, no or unknown."""
        row = self._row(card.slug, speaker or ALL)
        return row.consent if row else card.voices.consent

    def of_engine(self, engine: str, voice: str) -> str:
        """Return whether a voice of an engine may be published: yes, no or unknown."""
        name = engine.split(" ")[0]
        row = self._row(name, voice) or VoiceTable(_ours())._row(name, voice)
        return row.consent if row else "unknown"

    def some_consent(self, card: Card) -> bool:
        """Return whether any speaker of a corpus may have consented."""
        told = {row.consent for (of, _), row in self.rows.items() if of == card.slug}
        return "yes" in told | {card.voices.consent}

    def may_be_heard(self, record: SampleRecord) -> SampleRecord:
        """Return a record without the clips of voices that did not consent, for one's own use."""
        return Consent(_card(record["id"]), self, stated=True).heard(record)

    def refused(self, sample_id: str, speaker: str | None) -> bool:
        """Return whether a speaker of the corpus of a sample is known not to have consented."""
        return self.of_speaker(_card(sample_id), speaker) == "no"

    def _row(self, of: str, voice: str) -> VoiceRow | None:
        return self.rows.get((of, voice)) or self.rows.get((of, ALL))


NO_VOICES = VoiceTable()


@dataclass(frozen=True)
class Consent:
    """What of a record may be heard elsewhere.

    Args:
        card: the card of the build's corpus.
        voices: the publisher's table.
        clips: whether clips of the corpus go out at all.
        stated: whether the publisher states to have a right to the clips of the corpus; then, as in
            an export for one's own use, only a *no* holds a voice back.
    """

    card: Card
    voices: VoiceTable
    clips: bool = True
    stated: bool = False

    def speaker(self, speaker: str | None) -> bool:
        """Return whether clips of a speaker may go out."""
        return self._may(self.voices.of_speaker(self.card, speaker))

    def speech(self, made: SpeechSynthesis | None) -> bool:
        """Return whether speech that an engine made may go out; no speech may."""
        return made is None or self._may(self.voices.of_engine(made["engine"], made["voice"]))

    def heard(self, record: SampleRecord) -> SampleRecord:
        """Return a record without the clips whose voices may not go out."""
        out = record
        if record["audio"] and self.clips and not self._own(record):
            out = {**record, "audio": None}
        if record.get("reply_audio") and not self.speech(record["desired_response"]["synthesis"]):
            out = {**out, "reply_audio": None}
        return out

    def _own(self, record: SampleRecord) -> bool:
        if record["audio_info"]["origin"] == "synthetic":
            return self.speech(record["audio_info"]["synthesis"])
        return self.speaker(record["target_utterance"]["speaker"]["id"])

    def _may(self, consent: str) -> bool:
        return consent != "no" if self.stated else consent == "yes"


def _card(sample_id: str) -> Card:
    return load_card(sample_id.partition("-")[0])


@cache
def _ours() -> dict[tuple[str, str], VoiceRow]:
    return _rows(_OURS)


def _rows(path: Path) -> dict[tuple[str, str], VoiceRow]:
    found: dict[tuple[str, str], VoiceRow] = {}
    for where, cells in tab_rows(path, _COLUMNS):
        row = [cell.strip() for cell in cells]
        if len(row) != len(_COLUMNS) or not all(row) or row[4] not in _CONSENT:
            raise ConfigError(
                f"invalid row: {cells}",
                where=where,
                expected=f"{', '.join(_COLUMNS)}, with yes, no or unknown as the last",
                do="fix or remove the row",
            )
        key = (_named(row[0]), row[1])
        if key in found:
            raise ConfigError(
                f"{row[1]} of {row[0]} stands there twice",
                where=where,
                expected="one row for each voice",
                do="remove one of them",
            )
        found[key] = VoiceRow(*row[2:])
    return found


def _named(of: str) -> str:
    """Return the slug of a corpus however it is spelt, or the name of an engine as it is."""
    try:
        return resolve_slug(of)
    except UsageError:
        return of
