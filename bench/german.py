"""How well both recognisers read real German speech: word error rate, seconds a clip.

    python bench/german.py

Hears the clips of `real_speech` (`HEARTEN_REAL_DATA`, or `../shared/data`). Their words are not
given: they are sentences of EmoDB, so what is heard is compared with the nearest of these.
"""

from __future__ import annotations

import os
import sys
import time
import tomllib
from pathlib import Path

import soundfile

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from builders.audio.asr import Transcriber, distance, spoken_words, word_error_rate  # noqa: E402

REAL = Path(os.environ.get("HEARTEN_REAL_DATA", ROOT.parent / "shared" / "data"))
TABLE = ROOT / "builders/corpora/emodb/names.toml"


def main() -> None:
    """Print the rate of each recogniser."""
    sentences = tomllib.loads(TABLE.read_text("utf-8"))["sentences"].values()
    clips = sorted((REAL / "real_speech").glob("*.wav"))
    if not clips:
        sys.exit(
            f"no clips in {REAL / 'real_speech'}; set HEARTEN_REAL_DATA to the folder around it"
        )
    for language in ("en", "de"):
        recogniser, wrong, words = Transcriber(1, language), 0, 0
        start = time.process_time()
        for clip in clips:
            heard = recogniser.transcribe(soundfile.read(clip, dtype="int16")[0])
            said = min(sentences, key=lambda text: word_error_rate(text, heard))
            wrong += distance(spoken_words(said), spoken_words(heard))
            words += len(spoken_words(said))
        seconds = (time.process_time() - start) / len(clips)
        name = Transcriber.version(language).partition(" ")[0]
        print(f"{name}: {wrong / words:.2f} of {words} words wrong, {seconds:.1f} s a clip")


if __name__ == "__main__":
    main()
