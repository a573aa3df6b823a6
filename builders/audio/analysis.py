"""Hearing a corpus: a pass over all its clips before any draft, then what each one was.

Every clip is decoded once, checked and measured, whether it is chosen or not; how people usually
sound is added up from all of them and frozen. What was measured is remembered by the digest of the
source file for every later build, the sound of the chosen ones until the build is complete.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson

from builders.audio.asr import MODEL, word_error_rate
from builders.audio.clip_format import length_findings
from builders.audio.clips import ClipError, digest_of, head_of, locate
from builders.audio.decode import Sound, as_flac, duration_findings, pcm_digest, read_sound
from builders.audio.detectors import ClipCheck
from builders.audio.features import VERSION, Measured, measure
from builders.audio.findings import checked_findings, findings_of
from builders.audio.memory import SideFile
from builders.audio.prosody import describe
from builders.audio.resampling import RATE
from builders.audio.speaker_baseline import Baselines
from builders.audio.threads import ordered
from builders.record.types import Clip, Finding, Media, Utterance, Voice

VALUES_FILE = ".voice.sqlite"
CLIPS_FILE = ".clips.sqlite"
# What changes the samples that a file decodes to, beside ourselves.
_DECODERS = ("av", "numpy", "soundfile", "soxr")
_NOTHING: Mapping[str, bytes] = {}


@dataclass(frozen=True)
class Standards:
    """What a clip must be for its utterance to be used: asked for, never by itself.

    `min_speech` is the least share of speech, `refused` are codes of findings, `min_dnsmos` is the
    least overall rating of the sound (1 to 5), `longest` is the longest clip in seconds that a
    model is sent, None where none is sent.
    """

    min_speech: float | None = None
    refused: frozenset[str] = frozenset()
    min_dnsmos: float | None = None
    longest: float | None = None


@dataclass(frozen=True)
class Heard:
    """A clip and how it was spoken; the clip's FLAC is empty unless asked for."""

    clip: Clip
    voice: Voice


@dataclass(frozen=True, slots=True)
class _Found:
    """What one clip came to: what is known of it, and where it was decoded what is to be kept.

    `values` are what was measured and checked, by the key under which it is remembered.
    """

    utterance: Utterance
    known: dict[str, Any]
    values: dict[str, bytes] = field(default_factory=dict)
    flac: bytes | None = None


class Hearing:
    """What was heard of a corpus.

    Args:
        root: the folder of the corpus.
        values: measured values, shared by all builds.
        clips: what this build needs of each clip until it is complete.
        standards: what a clip must be.
        checks: what is asked of the models that extras bring.
    """

    def __init__(
        self,
        root: Path,
        values: SideFile,
        clips: SideFile,
        standards: Standards = Standards(),
        checks: tuple[ClipCheck, ...] = (),
    ) -> None:
        self.standards = standards
        self._checks = checks
        self.baselines = Baselines()
        self._root, self._values, self._clips = root, values, clips
        self._alike: dict[str, list[str]] = {}
        self._unusable = 0
        versions = [f"{name} {metadata.version(name)}" for name in _DECODERS]
        self._versions = " ".join([VERSION, *versions])

    def listen(
        self,
        utterances: Iterable[tuple[Utterance, bool]],
        workers: int,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        """Hear all clips of the corpus, in its order.

        Args:
            utterances: all of them that have a clip, and whether its sound will be needed.
            workers: threads that decode and measure.
            tick: called after each clip.
        """
        for found in ordered(self._hear, utterances, workers):
            self._take(found)
            tick()

    @property
    def result(self) -> dict[str, Any]:
        """Return what the manifest says of the pass: its digest, and what it counted."""
        alike = sorted(self._alike.items())
        digest = hashlib.sha256(orjson.dumps([self.baselines.digest(), alike])).hexdigest()
        return {
            "digest": digest,
            "measured": self.baselines.clips,
            "too_little_voice": self.baselines.insufficient,
            "unusable": self._unusable,
            "same_audio": len(self._alike),
            "levels_normalised_within_db": self.baselines.normalised,
        }

    def alike(self, utterance: Utterance) -> bool:
        """Return whether another clip of the corpus holds the very same sound."""
        return utterance.id in self._alike

    def of(self, utterance: Utterance, with_sound: bool) -> Heard:
        """Return what was heard of an utterance; raises ClipError where its clip has no use."""
        media = utterance.media
        if media is None:
            raise ClipError("clip_missing", "the corpus has no clip for this utterance")
        known = orjson.loads(self._clips.get(f"of {utterance.id}") or b"null")
        if known is None:
            raise RuntimeError(f"{utterance.id} was not heard before it was asked for")
        if "error" in known:
            raise ClipError(*known["error"])
        flac = self._clips.get(f"flac {known['key']}") if with_sound else b""
        if flac is None:
            raise RuntimeError(f"the sound of {utterance.id} was not kept")
        measured, checked = Measured(**known["measured"]), known["checked"]
        speech = checked.get("vad", {"share": measured.share, "start": None, "end": None})
        clip = Clip(
            flac=flac,
            sha256_pcm=known["sha256_pcm"],
            samples=known["samples"],
            duration=round(known["samples"] / RATE, 6),
            source_file=known["source_file"],
            source_sha256=known["source_sha256"],
            start=media.start,
            end=media.end,
            speech={"by": "vad" if "vad" in checked else "energy", **speech},
            quality=checked.get("dnsmos"),
            transcript=_transcript(utterance.text, checked.get("asr")),
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

    def refusal(self, heard: Heard) -> tuple[str, str] | None:
        """Return reason and detail where a clip is not what was asked for."""
        least, clip = self.standards.min_speech, heard.clip
        if least is not None and clip.speech and clip.speech["share"] < least:
            return "too_little_speech", f"{clip.speech['share']:.3f} of the clip is speech"
        least = self.standards.min_dnsmos
        if least is not None and clip.quality and clip.quality["overall"] < least:
            return "too_poor_sound", f"its sound is rated {clip.quality['overall']:.2f} (1 to 5)"
        for found in clip.findings:
            if found.code in self.standards.refused:
                shown = "" if found.value is None else f" ({found.value:g})"
                return found.code, f"{found.detail or found.code}{shown}"
        return None

    def _same_audio(self, utterance: Utterance) -> tuple[Finding, ...]:
        others = self._alike.get(utterance.id)
        if not others:
            return ()
        return (Finding("same_audio_as", len(others), f"the same sound as {', '.join(others)}"),)

    def _hear(self, item: tuple[Utterance, bool]) -> _Found:
        """Decode, measure and check a clip, unless all is known already; runs in a thread."""
        utterance, needed = item
        media = utterance.media
        if media is None:
            raise RuntimeError(f"{utterance.id} has no clip to hear")
        asked = [check for check in self._checks if needed or check.of_all]
        try:
            about = self._about(media)
            known = self._known(about["key"], asked)
            if known and (not needed or self._clips.has(f"flac {about['key']}")):
                return _Found(utterance, {**known, **about})
            sound = read_sound(media, self._root)
        except ClipError as error:
            return _Found(utterance, {"error": [error.reason, error.detail]})
        values = {} if known else self._listened(sound, about["key"], asked)
        known = known or self._known(about["key"], asked, values) or {}
        flac = as_flac(sound.pcm) if needed else None
        return _Found(utterance, {**known, **about}, values, flac)

    def _about(self, media: Media) -> dict[str, str]:
        """Return which sound a clip is: its file, and the key of what is measured of it."""
        path = locate(media.path, self._root)
        head_of(path)
        source = digest_of(path)
        return {
            "key": f"{source} {media.start} {media.end} {self._versions}",
            "source_file": path.relative_to(self._root.resolve()).as_posix(),
            "source_sha256": source,
        }

    def _known(
        self, key: str, asked: list[ClipCheck], fresh: Mapping[str, bytes] = _NOTHING
    ) -> dict[str, Any] | None:
        """Return what was measured and checked of a sound; None where any of it is not there yet.

        What a check came to is remembered by the samples, so that it is shared by equal clips.
        """
        held = fresh.get(key) or self._values.get(key)
        if held is None:
            return None
        known = orjson.loads(held)
        checked = {}
        for check in asked:
            name = f"{check.version} {known['sha256_pcm']}"
            if (result := fresh.get(name) or self._values.get(name)) is None:
                return None
            checked[check.name] = orjson.loads(result)
        return {**known, "checked": checked}

    def _listened(self, sound: Sound, key: str, asked: list[ClipCheck]) -> dict[str, bytes]:
        """Measure and check a sound, as far as that is not remembered."""
        digest = pcm_digest(sound.pcm)
        found: dict[str, Any] = {}
        if not self._values.has(key):
            found[key] = {
                "sha256_pcm": digest,
                "samples": len(sound.pcm),
                "findings": [list(finding) for finding in sound.findings],
                "measured": measure(sound.pcm).as_dict(),
            }
        for check in asked:
            if not self._values.has(name := f"{check.version} {digest}"):
                found[name] = check.run(sound.pcm)
        return {name: orjson.dumps(value) for name, value in found.items()}

    def _take(self, found: _Found) -> None:
        """Take in what a thread found, in the order of the corpus."""
        utterance, known = found.utterance, found.known
        self._clips.put(f"of {utterance.id}", orjson.dumps(known))
        if "error" in known:
            self._unusable += 1
            return
        for name, value in found.values.items():
            self._values.put(name, value)
        if found.flac:
            self._clips.put(f"flac {known['key']}", found.flac)
        self.baselines.add(utterance, Measured(**known["measured"]))
        first = self._clips.get(f"pcm {known['sha256_pcm']}")
        if first is None:
            self._clips.put(f"pcm {known['sha256_pcm']}", utterance.id.encode())
        elif (name := first.decode()) != utterance.id:
            together = [name, *self._alike.get(name, []), utterance.id]
            self._alike |= {one: [o for o in together if o != one] for one in together}


def _transcript(text: str, heard: str | None) -> dict[str, Any] | None:
    if heard is None:
        return None
    rate = round(word_error_rate(text, heard), 3)
    return {"model": MODEL, "text": heard, "word_error_rate": rate}
