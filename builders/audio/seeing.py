"""Video clips for models: the video of each utterance as sent, cached like audio clips."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from builders.audio.clip_format import NOT_HEARD
from builders.audio.clips import ClipError, digest_of, head_of, locate, name_in
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
        follow_links: whether links may lead out of the folder.
    """

    def __init__(
        self, root: Path, values: KeyValue, clips: ClipFiles, follow_links: bool = False
    ) -> None:
        self._follow_links = follow_links
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
        path = locate(film.path, self._root, self._follow_links)
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
            source_file=name_in(path, film.path, self._root),
            source_sha256=source,
            start=film.start,
            end=film.end,
            read=lambda: self._clips.get(digest, MP4) or made(),
        )
