"""Make the samples of the corpora whose labels are in the names of their files.

Run by hand when they are to change: `PYTHONPATH=tests python tests/make_named_samples.py`. The
names are in the shape of the real ones, and one in each sample is malformed. The sound is made of
harmonics, higher and louder for some emotions: nobody speaks. Sentences without a code in a table
are invented.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from trees_crema_d import RATE, write_wav

CORPORA = Path(__file__).parent.parent / "builders" / "corpora"
# Sentences of SAVEE's and ESD's shape, by the emotion and number, or by the number.
SAVEE = {
    "a01": "The kettle has been on the stove all morning.",
    "a02": "Nobody asked the neighbours about the ladder.",
    "d01": "The kettle has been on the stove all morning.",
    "f01": "The kettle has been on the stove all morning.",
    "h01": "The kettle has been on the stove all morning.",
    "n01": "The kettle has been on the stove all morning.",
    "n02": "Nobody asked the neighbours about the ladder.",
    "sa01": "The kettle has been on the stove all morning.",
    "su01": "The kettle has been on the stove all morning.",
}
ESD = {
    1: "The boat came back before noon.",
    21: "He left the gate open.",
    51: "It rains in the hall.",
}
CHINESE = {1: "小船在中午前回来了。", 21: "他没有关大门。", 51: "大厅里在下雨。"}
# The first number of each emotion in ESD.
FIRST = {"Neutral": 0, "Angry": 350, "Happy": 700, "Sad": 1050, "Surprise": 1400}
NAMES = {
    "ravdess": [
        *(f"Actor_05/03-01-{e}-01-01-01-05" for e in ("01", "02", "03", "04", "05")),
        *(f"Actor_05/03-01-{e}-02-01-01-05" for e in ("05", "06")),
        *(f"Actor_12/03-01-{e}-01-02-02-12" for e in ("01", "03", "05", "07", "08")),
        "Actor_12/03-02-03-01-02-01-12",
        "Actor_12/03-01-09-01-02-01-12",
    ],
    "tess": [
        *(f"OAF_{e}/OAF_hedge_{e}" for e in ("angry", "disgust", "fear", "happy", "sad")),
        "OAF_Pleasant_surprise/OAF_hedge_ps",
        "OAF_neutral/OA_hedge_neutral",
        *(f"YAF_{e}/YAF_pail_{e}" for e in ("angry", "fear", "happy", "neutral", "sad")),
        "YAF_angry/YAF_pail",
    ],
    "savee": [
        *(f"DC/{code}" for code in SAVEE),
        *(f"KL/{code}" for code in ("a01", "n01", "su01")),
        "KL/x01",
    ],
    "emodb": [
        *(f"wav/03a01{e}a" for e in "WLEAFNT"),
        *(f"wav/14b10{e}" for e in ("Wa", "Wb", "Fa", "Na", "Ta")),
        "wav/14b99Na",
    ],
    "esd": [
        *(f"0011/{e}/train/0011_{FIRST[e] + 51:06d}" for e in FIRST),
        *(f"0011/{e}/evaluation/0011_{FIRST[e] + 1:06d}" for e in ("Angry", "Neutral")),
        *(f"0016/{e}/0016_{FIRST[e] + 21:06d}" for e in FIRST),
        *(f"0001/{e}/0001_{FIRST[e] + 1:06d}" for e in FIRST),
        "0016/Bored/0016_000400",
    ],
}


def sound(name: str) -> NDArray[np.float32]:
    """Return 0.4 s of harmonics at 16 kHz, which no other name has."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    made = np.random.default_rng(seed)
    time = np.arange(int(0.4 * RATE)) / RATE
    pitch = made.uniform(110, 260) * (1 + 0.05 * np.sin(2 * np.pi * 3 * time))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    waves = sum(np.sin(n * phase) / n for n in range(1, 12))
    shape = np.minimum(1, np.minimum(time, 0.4 - time) / 0.05)
    return np.asarray(waves * shape * made.uniform(0.1, 0.3), np.float32)


def main() -> None:
    """Write the samples anew."""
    for slug, names in NAMES.items():
        folder = CORPORA / slug / "sample"
        shutil.rmtree(folder, ignore_errors=True)
        for name in names:
            write_wav(folder / f"{name}.wav", sound(name))
    lines = [f"{code}\t{text}" for code, text in SAVEE.items()]
    (CORPORA / "savee" / "sample" / "sentences.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    for speaker, encoding in (("0001", "utf-8"), ("0011", "utf-8-sig"), ("0016", "utf-16")):
        rows = [
            f"{speaker}_{first + number:06d}\t{text}\t{emotion}"
            for emotion, first in FIRST.items()
            for number, text in (CHINESE if speaker == "0001" else ESD).items()
        ]
        path = CORPORA / "esd" / "sample" / speaker / f"{speaker}.txt"
        path.write_text("\n".join(rows) + "\n", encoding)


if __name__ == "__main__":
    main()
