"""Make builders/corpora/mosei/sample: an invented corpus in the shape of CMU-MOSEI.

Run by hand when the sample is to change: `pip install hibari-tts h5py`, then
`PYTHONPATH=tests python tests/make_mosei_sample.py`. The text is ours; a voice engine speaks it.
Quirks, as in the real one: ids with underscores and a leading hyphen, numbers as ids, segments in
no order that overlap, a start before 0 against its transcript's 0, a transcribed segment without a
label, a video in no fold that has timed words and no transcript, films where there is no WAV,
thirds as values, ties and zeros; one malformed record (a segment of no length).
"""

import json
import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np
import soxr
from hibari import Hibari
from numpy.typing import NDArray
from trees import CLIP_RATE, write_mp4
from trees_mosei import (
    FILMS,
    Segment,
    label_rows,
    word_rows,
    write_csd,
    write_recording,
    write_transcript,
)

SAMPLE = Path(__file__).parent.parent / "builders" / "corpora" / "mosei" / "sample"
RATE = 16_000
# How fast the one voice of the engine is played for each video: slower is lower.
SPEEDS = {
    "-qMill3__rk": 1.04,
    "h3rring__sea": 0.87,
    "_Lantern09x": 0.95,
    "90417": 1.08,
    "Zz-orchard8": 0.91,
}
FOLDS = {"train": ["-qMill3__rk", "h3rring__sea"], "valid": ["_Lantern09x"], "test": ["90417"]}
WITH_WAV = ("-qMill3__rk", "90417")
WITH_WORDS = "Zz-orchard8"
EARLY = ("-qMill3__rk", "90417")
# video, values that are not 0 in thirds (none: not labelled), text
LINES = """
-qMill3__rk|sentiment 7 happy 7|I finally have a workshop of my own, and it smells of fresh wood.
-qMill3__rk|sentiment 5 surprise 5 happy 3|Then my neighbour walked in and gave me her old lathe!
-qMill3__rk|sentiment 1|The door opens to the left.
-qMill3__rk|sentiment -3 fear 4|I only worry that the roof will not last the winter.
-qMill3__rk||That was the tour.
h3rring__sea|sentiment -6 disgust 7|So the soup came, and it smelled like a wet dog.
h3rring__sea|sentiment -7 anger 6 disgust 4|They charged me twice for it, and then they laughed.
h3rring__sea|sentiment -5 anger 3 sad 3|I did not know whether to shout or to cry.
h3rring__sea|sentiment -2|The less said about the dessert, the better.
_Lantern09x|sentiment -4 sad 6|We closed the little cinema on Sunday, after forty years.
_Lantern09x|sentiment -3 sad 4 fear 2|My father still sits in the last row, and I dare not ask why.
_Lantern09x|sentiment 4|Everybody stood up when the lights came on.
_Lantern09x|sentiment 6 happy 5 sad 3|And they sang for us, all two hundred of them.
90417|sentiment -2 surprise 6|Wait, this knife arrived with no handle at all.
90417|sentiment -6 anger 8|I called four times, and four times they hung up on me!
90417|sentiment 0|It is eleven inches long.
90417|sentiment 2 happy 3|The box is nice, though.
Zz-orchard8|sentiment 6 happy 8|Look at this tree, it is full of pears!
Zz-orchard8|sentiment -3 sad 3 happy 1|The old one by the gate did not make it.
"""


def speak(engine: Hibari, video: str, text: str) -> NDArray[np.float32]:
    """Return a line spoken, at 16 kHz."""
    sound = np.asarray(engine(text, seed=0), np.float32)
    voice = soxr.resample(sound, 24_000 * SPEEDS[video], RATE)
    return (voice * 0.5 / np.abs(voice).max()).astype(np.float32)


def thirds(written: str) -> dict[str, float]:
    """Return values by column."""
    words = written.split()
    return {name: int(n) / 3 for name, n in zip(words[::2], words[1::2], strict=True)}


def write_sound(video: str, pieces: list[NDArray[np.float32]]) -> None:
    """Write the whole recording of a video, as WAV or as a film."""
    sound = np.concatenate(pieces)
    if video in WITH_WAV:
        write_recording(SAMPLE, video, sound)
        return
    path = SAMPLE / FILMS / f"{video}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mp4(path, soxr.resample(sound, RATE, CLIP_RATE)[None], bit_rate=32_000)


def timed(text: str, start: float, end: float) -> list[tuple[str, float, float]]:
    """Return the words of a line spread evenly over its time, a pause before them."""
    words = [word.strip(".,!").lower() for word in text.split()]
    edges = np.linspace(start, end, len(words) + 1).round(2).tolist()
    return [("sp", start - 0.2, start), *zip(words, edges, edges[1:], strict=False)]


def main() -> None:
    """Write sequences, folds, transcripts and recordings anew."""
    shutil.rmtree(SAMPLE, ignore_errors=True)
    engine = Hibari()
    sound: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    spans: dict[str, list[tuple[float, float, str, dict[str, float]]]] = defaultdict(list)
    for line in LINES.strip().splitlines():
        video, values, text = line.split("|")
        voice = speak(engine, video, text)
        start = sum(map(len, sound[video])) / RATE
        sound[video] += [voice, np.zeros(RATE // 5, np.float32)]
        end = start + len(voice) / RATE + 0.25  # into the next one, as neighbours overlap
        spans[video].append((round(start, 3), round(end, 3), text, thirds(values)))
    labels: dict[str, list[Segment]] = {}
    for video, found in spans.items():
        write_sound(video, sound[video])
        labelled = [(s, e, values) for s, e, _, values in found if values]
        if video in EARLY:
            labelled[0] = (-0.25, *labelled[0][1:])
        labels[video] = labelled[1:] + labelled[:1]
        if video != WITH_WORDS:
            write_transcript(SAMPLE, video, [(s, e, text) for s, e, text, _ in found])
    labels["h3rring__sea"].append((4.0, 4.0, {"sentiment": 1.0}))
    said = [word for s, e, text, _ in spans[WITH_WORDS] for word in timed(text, s + 0.2, e - 0.25)]
    rows = {video: label_rows(segments) for video, segments in labels.items()}
    write_csd(SAMPLE / "CMU_MOSEI_Labels.csd", rows)
    write_csd(
        SAMPLE / "CMU_MOSEI_TimestampedWords.csd", {WITH_WORDS: word_rows(said)}, "words", None
    )
    (SAMPLE / "standard_folds.json").write_text(json.dumps(FOLDS, indent=0) + "\n")


if __name__ == "__main__":
    main()
