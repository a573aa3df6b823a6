"""Audio analysis: a pass over all clips of a corpus before any draft, and its results.

Every clip is decoded once, checked and measured, selected or not; the baselines
are computed from all of them. Measurements are cached by the digest of the
source file for all later builds, and so is the encoded audio of selected clips.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson
import soundfile

from builders.audio import channels
from builders.audio.asr import word_error_rate
from builders.audio.clip_format import length_findings
from builders.audio.clips import ClipError, digest_of, head_of, locate
from builders.audio.decode import DecodedSound, as_flac, duration_findings, pcm_digest, read_sound
from builders.audio.detectors import ClipCheck
from builders.audio.features import VERSION, Measured, measure
from builders.audio.findings import checked_findings, findings_of
from builders.audio.parquet_clips import inside_of, sha256_of, source_name
from builders.audio.prosody import describe
from builders.audio.resampling import RATE
from builders.audio.second_pitch import PitchTally
from builders.audio.seeing import Seeing
from builders.audio.speaker_baseline import Baselines
from builders.audio.threads import ordered
from builders.record.types import Clip, Finding, Media, Utterance, Voice
from builders.record.views import ClipTranscript, SpeechShare
from builders.store.clips import ClipFiles
from builders.store.key_value import Kept, Key, KeyValue, key_of

# Packages that change the samples a file decodes to, besides Hearten.
_DECODERS = ("av", "numpy", "soundfile", "soxr")
_NOTHING: Mapping[Key, Kept] = {}


@dataclass(frozen=True)
class Standards:
    """Requirements on a clip for its utterance to be used; none by default.

    `min_speech` is the minimum share of speech, `refused` are codes of findings, `min_dnsmos` is
    the minimum overall DNSMOS rating (1 to 5), `longest` is the longest clip in seconds that a
    model is sent, None if no clips are sent.
    """

    min_speech: float | None = None
    refused: frozenset[str] = frozenset()
    min_dnsmos: float | None = None
    longest: float | None = None


@dataclass(frozen=True)
class Heard:
    """A clip and its voice description; the clip's FLAC is empty unless requested."""

    clip: Clip
    voice: Voice


@dataclass(frozen=True, slots=True)
class _Source:
    """The source of a clip: its file, and the key of its cached results."""

    key: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class _Found:
    """The results for one clip, and its FLAC, empty unless requested.

    `fresh` are new results (measured, checked, encoded), by kind and key.
    """

    source: _Source
    known: dict[str, Any]
    flac: bytes
    fresh: Mapping[Key, Kept]


class Hearing:
    """The audio analysis of a corpus.

    Args:
        root: the folder of the corpus.
        values: cached measurements and check results of all builds.
        clips: the encoded clips of all builds.
        standards: the requirements on a clip.
        checks: the requested checks by models from extras.
        follow_links: whether links may lead out of the folder.
    """

    def __init__(
        self,
        root: Path,
        values: KeyValue,
        clips: ClipFiles,
        standards: Standards = Standards(),
        checks: tuple[ClipCheck, ...] = (),
        follow_links: bool = False,
    ) -> None:
        self._follow_links = follow_links
        self.standards = standards
        self._checks = checks
        self.baselines = Baselines()
        self.seeing: Seeing | None = None
        self._root, self._values, self._clips = root, values, clips
        # The digest of each clip's source file, or why the clip cannot be used; which clip was the
        # first with this audio. One entry per clip, so digests are bytes.
        self._sources: dict[str, bytes] = {}
        self._useless: dict[str, tuple[str, str]] = {}
        self._first: dict[bytes, str] = {}
        self._alike: dict[str, list[str]] = {}
        asked = any(check.name == "pitch" for check in checks)
        self._pitch = PitchTally() if asked else None
        versions = [f"{name} {metadata.version(name)}" for name in _DECODERS]
        self._versions = " ".join([VERSION, channels.VERSION, *versions])
        self._encoder = f"libsndfile {soundfile.__libsndfile_version__}"

    def listen(
        self,
        utterances: Iterable[tuple[Utterance, bool]],
        workers: int,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        """Analyse all clips of the corpus, in its order.

        Args:
            utterances: all utterances with a clip, and whether its audio will be needed.
            workers: threads that decode and measure.
            tick: called after each clip.
        """
        for (utterance, _), found in ordered(self._tried, utterances, workers):
            self._take(utterance, found)
            tick()

    @property
    def document(self) -> dict[str, object]:
        """Return the baselines and the clips with identical audio, as a JSON value."""
        return self.baselines.document | {"same_audio": self._alike}

    @property
    def result(self) -> dict[str, object]:
        """Return the counts of the pass, for the manifest."""
        return {
            "measured": self.baselines.clips,
            "too_little_voice": self.baselines.insufficient,
            "unusable": len(self._useless),
            "same_audio": len(self._alike),
            "levels_normalised_within_db": self.baselines.normalised,
            **({"pitch": asdict(self._pitch)} if self._pitch else {}),
        }

    def alike(self, utterance: Utterance) -> bool:
        """Return whether another clip of the corpus has identical audio."""
        return utterance.id in self._alike

    def of(self, utterance: Utterance, with_sound: bool) -> Heard:
        """Return the analysis of an utterance; raises ClipError if its clip cannot be used.

        Cached results that were removed in the meantime are computed again.
        """
        media = utterance.media
        if media is None:
            raise ClipError("clip_missing", "the corpus has no clip for this utterance")
        if utterance.id in self._useless:
            raise ClipError(*self._useless[utterance.id])
        if utterance.id not in self._sources:
            raise RuntimeError(f"{utterance.id} was requested before it was analysed")
        found = self._hear(utterance, media, with_sound, self._sources[utterance.id].hex())
        self._remember(utterance, found)
        known, source = found.known, found.source
        measured, checked = Measured(**known["measured"]), known["checked"]
        spoken = checked.get("vad", {"share": measured.share, "start": None, "end": None})
        speech: SpeechShare = {
            "by": "vad" if "vad" in checked else "energy",
            "share": spoken["share"],
            "start": spoken["start"],
            "end": spoken["end"],
        }
        clip = Clip(
            flac=found.flac,
            sha256_pcm=known["sha256_pcm"],
            samples=known["samples"],
            duration=round(known["samples"] / RATE, 6),
            source_file=source.file,
            source_sha256=source.sha256,
            start=media.start,
            end=media.end,
            speech=speech,
            quality=checked.get("dnsmos"),
            transcript=self._transcript(utterance, checked.get("asr")),
        )
        own = (*map(Finding, media.findings), *(Finding(*found) for found in known["findings"]))
        clip.findings = (
            *own,
            *duration_findings(clip, utterance.start, utterance.end),
            *findings_of(measured, self.baselines.normalised),
            *checked_findings(checked, utterance.text),
            *self._same_audio(utterance),
            *length_findings(clip.duration, self.standards.longest),
        )
        measured = replace(measured, share=speech["share"])
        return Heard(clip, describe(utterance, measured, self.baselines))

    def _transcript(self, utterance: Utterance, heard: str | None) -> ClipTranscript | None:
        if heard is None:
            return None
        used = next(c for c in self._checks_of(utterance, True) if c.name == "asr")
        return {
            "model": used.version.partition(" ")[0],
            "text": heard,
            "word_error_rate": round(word_error_rate(utterance.text, heard), 3),
        }

    def _checks_of(self, utterance: Utterance, needed: bool) -> list[ClipCheck]:
        """Return the checks of a clip in the language of its utterance."""
        asked = (check for check in self._checks if check.takes(utterance.id, needed))
        found = (check.spoken_in(utterance.language) for check in asked)
        return [check for check in found if check]

    def refusal(self, heard: Heard) -> tuple[str, str] | None:
        """Return reason and detail if a clip does not meet the requirements, else None."""
        least, clip = self.standards.min_speech, heard.clip
        if least is not None and clip.speech and clip.speech["share"] < least:
            return "too_little_speech", f"{clip.speech['share']:.3f} of the clip is speech"
        least = self.standards.min_dnsmos
        if least is not None and clip.quality and clip.quality["overall"] < least:
            return (
                "too_poor_sound",
                f"sound quality is rated {clip.quality['overall']:.2f} (1 to 5)",
            )
        for found in clip.findings:
            if found.code in self.standards.refused:
                shown = "" if found.value is None else f" ({found.value:g})"
                return found.code, f"{found.detail or found.code}{shown}"
        return None

    def _same_audio(self, utterance: Utterance) -> tuple[Finding, ...]:
        others = self._alike.get(utterance.id)
        if not others:
            return ()
        return (Finding("same_audio_as", len(others), f"the same audio as {', '.join(others)}"),)

    def _tried(
        self, item: tuple[Utterance, bool]
    ) -> tuple[tuple[Utterance, bool], _Found | ClipError]:
        """Analyse a clip in a thread; an error is returned, so that the pass continues."""
        utterance, needed = item
        if utterance.media is None:
            raise RuntimeError(f"{utterance.id} has no clip to analyse")
        try:
            return item, self._hear(utterance, utterance.media, needed)
        except ClipError as error:
            return item, error

    def _hear(
        self, utterance: Utterance, media: Media, needed: bool, sha256: str | None = None
    ) -> _Found:
        """Decode, measure, check and encode a clip, unless the results are cached.

        `sha256` is that of its source file, if known. Raises ClipError.
        """
        asked = self._checks_of(utterance, needed)
        source = self._source(media, sha256)
        known = self._known(utterance.id, source.key, asked)
        of_clip: Key = ("clip", key_of(source.key, self._encoder))
        flac = self._encoded(of_clip, utterance.id) if needed else b""
        if known and flac is not None:
            return _Found(source, known, flac, _NOTHING)
        sound = read_sound(media, self._root, self._follow_links)
        fresh = {} if known else self._listened(sound, source.key, asked)
        known = known or self._known(utterance.id, source.key, asked, fresh) or {}
        if flac is None:
            flac = as_flac(sound.pcm)
            fresh[of_clip] = Kept(b"", self._clips.put(flac))
        return _Found(source, known, flac, fresh)

    def _source(self, media: Media, sha256: str | None) -> _Source:
        """Return the source of a clip; raises ClipError if its file cannot be used."""
        path = locate(media.path, self._root, self._follow_links)
        if sha256 is None and (inside := inside_of(media, path)) is not None:
            sha256 = sha256_of(inside)
        elif sha256 is None:
            head_of(path)
            sha256 = digest_of(path)
        key = key_of(sha256, media.start, media.end, self._versions)
        return _Source(key, source_name(media, path, self._root), sha256)

    def _known(
        self, name: str, key: str, asked: list[ClipCheck], fresh: Mapping[Key, Kept] = _NOTHING
    ) -> dict[str, Any] | None:
        """Return the cached results for a clip; None if any of them is missing.

        Check results are cached by the decoded samples, so that identical clips share them.
        """
        held = self._value(("measured", key), name, fresh)
        if held is None:
            return None
        known = orjson.loads(held)
        checked = {}
        for check in asked:
            of_check = key_of(check.version, known["sha256_pcm"])
            result = self._value(("checked", of_check), name, fresh)
            if result is None:
                return None
            checked[check.name] = orjson.loads(result)
        return {**known, "checked": checked}

    def _value(self, key: Key, name: str, fresh: Mapping[Key, Kept]) -> bytes | None:
        """Return a value, and note that the utterance `name` needs it."""
        kept = fresh.get(key) or self._values.get(*key, name)
        return kept.value if kept else None

    def _encoded(self, key: Key, name: str) -> bytes | None:
        """Return an encoded clip; None if its file is missing or damaged."""
        kept = self._values.get(*key, name)
        return self._clips.get(kept.file) if kept and kept.file else None

    def _listened(self, sound: DecodedSound, key: str, asked: list[ClipCheck]) -> dict[Key, Kept]:
        """Measure and check a clip, unless the results are cached."""
        digest = pcm_digest(sound.pcm)
        found: dict[Key, Any] = {}
        if self._values.get("measured", key) is None:
            found["measured", key] = {
                "sha256_pcm": digest,
                "samples": len(sound.pcm),
                "findings": [list(finding) for finding in sound.findings],
                "measured": measure(sound.pcm).as_dict(),
            }
        for check in asked:
            of_check = key_of(check.version, digest)
            if self._values.get("checked", of_check) is None:
                found["checked", of_check] = check.run(sound.pcm)
        return {key: Kept(orjson.dumps(value)) for key, value in found.items()}

    def _take(self, utterance: Utterance, found: _Found | ClipError) -> None:
        """Add the results of a thread, in the order of the corpus."""
        if isinstance(found, ClipError):
            self._useless[utterance.id] = (found.reason, found.detail)
            return
        self._sources[utterance.id] = bytes.fromhex(found.source.sha256)
        self._remember(utterance, found)
        self.baselines.add(utterance, Measured(**found.known["measured"]))
        if self._pitch and (compared := found.known["checked"].get("pitch")):
            self._pitch.add(compared)
        if any(code == "clip_silent" for code, *_ in found.known["findings"]):
            return  # silence is no sound that two clips could share
        pcm = bytes.fromhex(found.known["sha256_pcm"])
        name = self._first.setdefault(pcm, utterance.id)
        if name != utterance.id:
            together = [name, *self._alike.get(name, []), utterance.id]
            self._alike |= {one: [o for o in together if o != one] for one in together}

    def _remember(self, utterance: Utterance, found: _Found) -> None:
        for (kind, key), kept in found.fresh.items():
            self._values.put(kind, key, kept, utterance.id)
