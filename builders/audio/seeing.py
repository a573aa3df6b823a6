"""Video clips for models: the video of each utterance as sent, cached like audio clips."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from builders.audio.clip_format import NOT_HEARD
from builders.audio.clips import ClipError, digest_of, head_of, locate
from builders.audio.video import VERSION, encoded
from builders.record.types import Clip, Utterance, VideoClip
from builders.store.clips import MP4, ClipFiles
from builders.store.key_value import Kept, Key, KeyValue, key_of


class Seeing:
    """The video clips of a corpus.

    Args:
        root: the folder of the corpus.
        values: the cache of encoded videos, by source, of all builds.
        clips: the files of all builds.
    """

    def __init__(self, root: Path, values: KeyValue, clips: ClipFiles) -> None:
        self._root, self._values, self._clips = root, values, clips
        self._version = f"{VERSION} av {metadata.version('av')}"

    def of(self, utterance: Utterance, clip: Clip) -> VideoClip | None:
        """Return the video of an utterance with its audio; None if the clip is too long to send.

        Raises:
            ClipError: its video is missing or damaged.
        """
        if NOT_HEARD in {found.code for found in clip.findings}:
            return None
        film = utterance.film
        if film is None:
            raise ClipError("video_missing", "the corpus has no video of this utterance")
        path = locate(film.path, self._root)
        head_of(path)
        source = digest_of(path)
        key: Key = (
            "video",
            key_of(source, film.start, film.end, clip.sha256_pcm, self._version),
        )

        def made() -> bytes:
            return encoded(path, film.start or 0.0, clip.duration, clip.flac)

        kept = self._values.get(*key, utterance.id)
        digest = kept.file if kept else None
        if digest is None:
            digest = self._clips.put(made(), MP4)
            self._values.put(*key, Kept(b"", digest), utterance.id)
        return VideoClip(
            sha256=digest,
            seconds=clip.duration,
            source_file=path.relative_to(self._root.resolve()).as_posix(),
            source_sha256=source,
            start=film.start,
            end=film.end,
            read=lambda: self._clips.get(digest, MP4) or made(),
        )
