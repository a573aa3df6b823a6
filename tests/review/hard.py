"""A build of items that are hard to show: long, right to left, silent, many turns, hostile."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import soundfile
from builds import described
from invented import full_record
from pages import make_result, make_run, sample

from builders.record.folder import write_json
from builders.record.parquet import RejectWriter, SplitWriter

GERMAN = (
    "Donaudampfschifffahrtsgesellschaftskapitänswitwenrentenauszahlungsstellenleiterin war sie, "
    "und gestern hat man ihr ohne jede Vorwarnung mitgeteilt, dass die Stelle zum Jahresende "
    "gestrichen wird. " * 4
).strip()
HEBREW = "אני לא מאמין שזה קרה לי שוב, ואף אחד לא התקשר אליי מאז."
HOSTILE = (
    "</script><script>window.evil=1</script><img src=x onerror='window.evil=1'>\u202e" + "x" * 900
)
SILENT = "Nobody recorded what I said."
LONG = "Let me tell you the whole of it."
MANY = "And after all of that, here we are."


def hard_build(folder: Path) -> Path:
    """Write the build and return its folder; `sounding` says what each item is about."""
    (folder / "data").mkdir(parents=True)
    writer = SplitWriter(folder / "data", "train")
    for record, clip in _records():
        writer.add(orjson.dumps(record), clip)
    files = [path.relative_to(folder).as_posix() for path in writer.close()]
    RejectWriter(folder / "rejected.parquet").close()
    counts = {"read": 6, "kept": 6, "rejected": {}, "not_selected": {}}
    result = make_result({"train": counts}, files) | {"name": "hard"}
    told = {"result": result, "run": make_run()}
    write_json(folder / "manifest.json", described(folder, told))
    return folder


def _records() -> list[tuple[dict[str, Any], bytes | None]]:
    made = []
    for number, (said, language, seconds, turns) in enumerate(
        [
            (GERMAN, "de", 3.0, 3),
            (HEBREW, "he", 1.0, 2),
            (SILENT, "en", None, 1),
            (LONG, "en", 600.0, 0),
            (MANY, "en", 1.0, 40),
            (HOSTILE, "en", 1.0, 1),
        ]
    ):
        record = sample(number, text=said, seconds=seconds)
        record["language"] = language
        record["audio_info"]["sha256_pcm"] = f"{number:064x}" if seconds else None
        turn = full_record()["text_context"][0] | {"audio_sha256": None}
        record["text_context"] = [
            turn | {"id": f"meld-train-2-{n}", "role": "user" if n % 2 else "other", "text": said}
            for n in range(turns)
        ]
        record["target_utterance"]["speaker"]["id"] = said[:40]
        made.append((copy.deepcopy(record), _tone(seconds) if seconds else None))
    return made


def _tone(seconds: float) -> bytes:
    times = np.arange(int(seconds * 16000)) / 16000
    stream = io.BytesIO()
    tone = 0.3 * np.sin(2 * np.pi * 180 * times) * (np.sin(2 * np.pi * times) > 0)
    soundfile.write(stream, tone, 16000, format="FLAC", subtype="PCM_16")
    return stream.getvalue()
