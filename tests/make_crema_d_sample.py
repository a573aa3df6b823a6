"""Make builders/corpora/crema_d/sample: an invented corpus in the shape of CREMA-D's.

Run by hand when the sample is to change: `pip install hibari-tts`, then
`PYTHONPATH=tests python tests/make_crema_d_sample.py`. Actors, votes and levels are invented and
a voice engine speaks; only the sentences are the corpus's, as their codes say. Quirks, as in the
real one: a column without a name, a tie on the voice, labels that differ between voice, face and
intention, two clips that are the same bytes (1006_TIE), one under its old name (1040_ITH_SAD), one
with a header of 46 bytes, one sentence at three levels; one malformed record (a vote that is no
number, of 1076_DFA_ANG).
"""

import csv
import shutil
from pathlib import Path

import numpy as np
import soxr
from hibari import Hibari
from numpy.typing import NDArray
from trees_crema_d import RATE, make_crema_d_tree, write_wav

SAMPLE = Path(__file__).parent.parent / "builders" / "corpora" / "crema_d" / "sample"
# How fast the one voice of the engine is played for each actor: slower is lower.
SPEEDS = {"1006": 1.08, "1040": 0.94, "1076": 1.0}
# How an emotion is rendered: faster or slower than the actor's usual, and how loud.
RENDERED = {
    "ANG": (1.06, 0.8),
    "DIS": (0.95, 0.45),
    "FEA": (1.14, 0.35),
    "HAP": (1.1, 0.6),
    "NEU": (1.0, 0.4),
    "SAD": (0.9, 0.2),
}
# How much of that an actor does at each level.
LEVELS = {"LO": 0.6, "MD": 0.8, "HI": 1.0, "XX": 1.0}
# Clip, and the votes on its voice, its face and both.
LINES = """
1006_IEO_NEU_XX | N9 S1    | N10       | N9
1006_IEO_ANG_LO | A4 N5    | A6 D2 N1  | A7 N2
1006_IEO_ANG_MD | A7 N2    | A8 D1     | A9
1006_IEO_ANG_HI | A9 D1    | A10       | A10
1006_IEO_HAP_HI | H8 N1    | H9        | H10
1006_IEO_SAD_MD | N4 S4    | S7 N2     | S6 N3
1006_TIE_NEU_XX | N8 S1    | N9        | N8 A1
1006_TIE_HAP_XX | N7 H2    | H8 N1     | H9 N1
1006_TIE_ANG_XX | A6 D3    | A7 D2     | A8 D1
1006_TIE_DIS_XX | D7 A2    | D9        | D8 A1
1040_ITH_NEU_XX | N8 F1    | N9        | N10
1040_ITH_HAP_XX | H6 N3    | H9        | H8 N1
1040_ITH_SAD_XX | S6 N3    | N6 S3     | S7 F1 N1
1040_ITH_FEA_XX | F7 S2    | F8 D1     | F9 S1
1040_ITH_DIS_XX | A3 D3 N3 | D6 A3     | D7 A2
1040_TIE_NEU_XX | N9       | N8 H1     | N9
1040_TIE_FEA_XX | F6 N2 S1 | F5 S4     | F7 S2
1040_TIE_SAD_XX | S7 N2    | S8 N1     | S9
1076_DFA_NEU_XX | N7 A1 H1 | N8        | N9
1076_DFA_ANG_XX | A8 N1    | A9        | A9 D1
1076_DFA_HAP_XX | H7 N2    | H9        | H10
"""
SAME_AS = {"1006_TIE_HAP_XX": "1006_TIE_NEU_XX"}
OLD_NAMES = {"1040_ITH_SAD_XX": "1040_ITH_SAD_X"}
LONG_HEADER = "1006_IEO_ANG_HI"
BROKEN = (b'"100020",8,', b'"100020",NA,')


def speak(engine: Hibari, name: str, sentences: dict[str, str]) -> NDArray[np.float32]:
    """Return a clip at 16 kHz, the silence around the words cut to a twentieth of a second."""
    actor, code, emotion, level = name.split("_")
    speed, loudness = RENDERED[emotion]
    speed, loudness = 1 + (speed - 1) * LEVELS[level], loudness * LEVELS[level]
    voice = np.asarray(engine(sentences[code], seed=0), np.float32)
    heard = np.flatnonzero(np.abs(voice) > 0.02 * np.abs(voice).max())
    voice = voice[max(0, heard[0] - 1200) : heard[-1] + 1200]
    voice = soxr.resample(voice, 24_000 * SPEEDS[actor] * speed, RATE)
    return (voice * loudness / np.abs(voice).max()).astype(np.float32)


def main() -> None:
    """Write the tables and the clips anew."""
    shutil.rmtree(SAMPLE, ignore_errors=True)
    with SAMPLE.with_name("sentences.tsv").open(newline="", encoding="utf-8") as stream:
        sentences = {row["code"]: row["text"] for row in csv.DictReader(stream, delimiter="\t")}
    engine = Hibari()
    clips = {}
    for line in LINES.strip().splitlines():
        name, *votes = (cell.strip() for cell in line.split("|"))
        clips[name] = tuple(votes)
    make_crema_d_tree(SAMPLE, clips)
    for name in clips:
        sound = speak(engine, SAME_AS.get(name, name), sentences)
        header = 46 if name == LONG_HEADER else 44
        write_wav(SAMPLE / "AudioWAV" / f"{OLD_NAMES.get(name, name)}.wav", sound, header)
    votes = SAMPLE / "processedResults" / "tabulatedVotes.csv"
    content = votes.read_bytes()
    if content.count(BROKEN[0]) != 1:
        raise ValueError(f"{BROKEN[0]!r} is not in the table of votes exactly once")
    votes.write_bytes(content.replace(*BROKEN))


if __name__ == "__main__":
    main()
