"""Make builders/corpora/emorynlp/sample: an invented corpus in the shape of EmoryNLP's.

Run by hand when the sample is to change: `pip install hibari-tts`, then
`PYTHONPATH=tests python tests/make_emorynlp_sample.py`. The text is ours; a voice engine speaks it.
Quirks, as in the real one: speakers as lists, two of them in one (train, scene 3 of 2x04), a name
with an apostrophe and one with parentheses, a group as a speaker, ids that begin at 1 and have
gaps, a scene number that comes in two episodes, times that overlap, quotation marks and commas in
the text; one malformed record (a list that never closes, train, scene 1 of 1x06).
"""

import shutil
from pathlib import Path

import numpy as np
import soxr
from hibari import Hibari
from numpy.typing import NDArray
from trees import CLIP_RATE, stereo, write_mp4
from trees_emorynlp import SPLITS, write_emorynlp_csv

SAMPLE = Path(__file__).parent.parent / "builders" / "corpora" / "emorynlp" / "sample"
# How fast the one voice of the engine is played for each speaker: slower is lower.
SPEEDS = {"Nora Quist": 1.06, "Felix Amadi": 0.9, "Tess O'Dowd": 1.0, "Goran (the plumber)": 0.84}
# split, season, episode, scene, utterance, speakers, emotion, text
LINES = """
train|1|6|1|1|Nora Quist|Scared|There is water coming through the ceiling, and it is brown.
train|1|6|1|2|Felix Amadi|Neutral|Which room?
train|1|6|1|4|Nora Quist|Mad|All of them, Felix! You left the bath running again!
train|1|6|1|5|Felix Amadi|Sad|I did, and I am so sorry about your books.
train|1|6|1|6|Goran (the plumber)|Peaceful|Easy now. The pipes are old, but they will hold.
train|2|4|1|1|Tess O'Dowd|Joyful|Guess who sold her first painting, and to a stranger!
train|2|4|1|2|Nora Quist|Joyful|You did! Oh, come here.
train|2|4|1|3|Tess O'Dowd|Powerful|She said, "This belongs on a big wall," and paid the full price.
train|2|4|3|2|Nora Quist;Felix Amadi|Joyful|To Tess!
train|2|4|3|3|Tess O'Dowd|Peaceful|Thank you. I just want to sit here with you two for a while.
train|2|4|3|5|Felix Amadi|Neutral|The kitchen closes at ten.
dev|1|9|2|1|Felix Amadi|Scared|Did you hear that? It came from the cellar.
dev|1|9|2|2|Tess O'Dowd|Powerful|I have a torch and a frying pan. Follow me.
dev|1|9|2|4|Felix Amadi|Mad|It was you, dripping tap, all night long!
dev|1|9|2|5|Tess O'Dowd|Neutral|Well, at least nobody lives down here.
test|3|2|5|1|Nora Quist|Sad|He took the dog, and he left the lead on the hook.
test|3|2|5|2|Tess O'Dowd|Peaceful|Stay with us tonight. There is soup.
test|3|2|5|3|Nora Quist|Mad|I paid for that lead, you know.
test|3|2|7|1|#ALL#|Joyful|Happy birthday!
test|3|2|7|3|Nora Quist|Scared|Why are there forty people in my kitchen?
"""
BROKEN = ("train", "1", "6", "1", "4")


def speak(engine: Hibari, speaker: str, text: str) -> NDArray[np.float32]:
    """Return a line spoken, at 48 kHz; its length is a multiple of 10 ms."""
    speed = SPEEDS.get(speaker.split(";")[0], 1.0)
    voice = soxr.resample(np.asarray(engine(text, seed=0), np.float32), 24_000 * speed, CLIP_RATE)
    voice = voice[: len(voice) // 480 * 480]
    return (voice * 0.5 / np.abs(voice).max()).astype(np.float32)


def clock(milliseconds: int) -> str:
    """Return a time as the corpus writes it."""
    seconds, fraction = divmod(milliseconds, 1000)
    return f"00:{seconds // 60:02}:{seconds % 60:02}.{fraction:03}"


def annotated(line: str, start: int, end: int) -> dict[str, str]:
    """Return the row of a line that is spoken from `start` to `end`, in milliseconds."""
    *key, speakers, emotion, text = line.split("|")
    written = repr(speakers.split(";"))
    _, season, episode, scene, utterance = key
    return {
        "Utterance": text,
        "Speaker": written[:-1] if tuple(key) == BROKEN else written,
        "Emotion": emotion,
        "Scene_ID": scene,
        "Utterance_ID": utterance,
        "Season": season,
        "Episode": episode,
        "Start_Time": clock(start),
        "End_Time": clock(end),
    }


def main() -> None:
    """Write the annotation files and the clips anew."""
    shutil.rmtree(SAMPLE, ignore_errors=True)
    engine, now = Hibari(), 3000
    rows: dict[str, list[dict[str, str]]] = {split: [] for split in SPLITS}
    for number, line in enumerate(LINES.strip().splitlines()):
        split, season, episode, scene, utterance, speakers, _, text = line.split("|")
        voice = speak(engine, speakers, text)
        length = round(len(voice) / CLIP_RATE * 1000)
        # Every third line begins before the one before it ends.
        start = now - 400 if number % 3 == 2 else now + 200
        now = start + length
        rows[split].append(annotated(line, start, now))
        folder = SAMPLE / f"emorynlp_{split}_splits"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"sea{season}_ep{episode}_sc{scene}_utt{utterance}.mp4"
        write_mp4(folder / name, stereo(voice), bit_rate=32_000)
    for split in SPLITS:
        write_emorynlp_csv(SAMPLE / f"emorynlp_{split}_final.csv", rows[split])


if __name__ == "__main__":
    main()
