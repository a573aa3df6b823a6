"""A build as a notebook shows it: its counts, and its first samples with players."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from builders.record.messages import speaker_name
from builders.record.views import ClipFile, SampleRecord

if TYPE_CHECKING:
    from builders.record.dataset import Build

_SHOWN = 3


def as_html(build: Build) -> str:
    """Return a build as HTML, which loads nothing from elsewhere.

    Texts are escaped, so that words of a corpus are never read as markup.
    """
    rows = Counter[str]()
    for file in build.files:
        if Path(file["path"]).parts[0] == "data":
            rows[Path(file["path"]).name.partition("-")[0]] += file["rows"]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("notebook.html.j2").render(
        name=build.name,
        count=f"{build.count:,}",
        splits=", ".join(f"{count:,} {split}" for split, count in rows.items()),
        samples=[_told(record) for record in build.first(_SHOWN)],
    )


def _told(record: SampleRecord) -> dict[str, str | None]:
    """Return a sample as the template takes it; what a published one lacks is empty."""
    target = record["target_utterance"]
    voice, reply = record.get("voice"), record.get("desired_response")
    speaker, text = target.get("speaker"), target.get("text") or ""
    emotions = target.get("emotions")
    return {
        "id": record["id"],
        "says": f"{speaker_name(speaker['id'], 'user')}: {text}" if speaker else text,
        "emotion": emotions["primary"] if emotions else None,
        "sounds": voice.get("words") if voice else None,
        "reply": reply["text"] if reply else None,
        "clip": _encoded(record.get("audio")),
        "spoken": _encoded(record.get("reply_audio")),
    }


def _encoded(audio: ClipFile | None) -> str | None:
    """Return a clip as a page holds it, or None where there is none."""
    return b64encode(audio["bytes"]).decode() if audio and audio["bytes"] else None
