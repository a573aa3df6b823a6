"""CREMA-D made for tests: its tables and clips on disk, as its owner lays them out."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
LETTERS = "ADFHNS"
FEELINGS = ("Anger", "Disgust", "Fear", "Happy", "Neutral", "Sad")
SUMMARY = (
    *("", "FileName", "VoiceVote", "VoiceLevel", "FaceVote", "FaceLevel"),
    *("MultiModalVote", "MultiModalLevel"),
)
TABULATED = (
    *("", *LETTERS, "fileName", "numResponses", "agreement", "emoVote"),
    *("meanEmoResp", *(f"mean{name}Resp" for name in FEELINGS), "medianEmoResp"),
    *("meanEmoRespNorm", *(f"mean{name}RespNorm" for name in FEELINGS), "medianEmoRespNorm"),
)
PEOPLE = ("ActorID", "Age", "Sex", "Race", "Ethnicity")
ACTORS = {"1006": (38, "Female"), "1040": (29, "Male"), "1076": (61, "Female")}
# Votes on the voice, the face and both, as in "A7 N2".
Votes = tuple[str, str, str]


def counted(votes: str) -> dict[str, int]:
    """Return how many votes each letter has, from a text such as ``A7 N2``."""
    given = {vote[0]: int(vote[1:]) for vote in votes.split()}
    return {letter: given.get(letter, 0) for letter in LETTERS}


def winners(votes: str) -> str:
    """Return the letters with most votes, joined as the summary joins those that tie."""
    counts = counted(votes)
    return ":".join(letter for letter in LETTERS if counts[letter] == max(counts.values()))


def level(votes: str) -> str:
    """Return an invented mean level for each winner."""
    return ":".join(f"{40 + 5 * counted(votes)[letter]}" for letter in winners(votes).split(":"))


def tabulated_row(number: int, name: str, votes: str) -> list[object]:
    """Return the row of the table of votes; what nobody chose has the mean -1."""
    counts = counted(votes)
    most, total = max(counts.values()), sum(counts.values())
    means = [float(40 + 5 * count) if count else -1 for count in counts.values()]
    rest = [50.5, *means, 51, 48.25, *means, 49.5]
    return [str(number), *counts.values(), name, total, most / total, winners(votes), *rest]


def make_crema_d_tree(
    root: Path,
    clips: Mapping[str, Votes],
    sounds: Mapping[str, NDArray[np.float32]] | None = None,
) -> Path:
    """Write a CREMA-D tree and return its root.

    `clips` are the votes by name of the clip; `sounds` go by the name of the file and hold mono
    samples at 16 kHz.
    """
    (root / "processedResults").mkdir(parents=True, exist_ok=True)
    names = [f'{number},"{name}"' for number, name in enumerate(clips, start=1)]
    text = "\n".join(['"Stimulus_Number","Filename"', *names])
    (root / "SentenceFilenames.csv").write_text(text)
    people = [[int(a), *p, "Unknown", "Not Hispanic"] for a, p in ACTORS.items()]
    _write(root / "VideoDemographics.csv", PEOPLE, people)
    rows = [
        [str(number), name, *(cell for v in votes for cell in (winners(v), level(v)))]
        for number, (name, votes) in enumerate(clips.items(), start=1)
    ]
    _write(root / "processedResults" / "summaryTable.csv", SUMMARY, rows)
    rated = [
        tabulated_row(100_000 * part + number, name, votes[part - 1])
        for part in (1, 2, 3)
        for number, (name, votes) in enumerate(clips.items(), start=1)
    ]
    _write(root / "processedResults" / "tabulatedVotes.csv", TABULATED, rated)
    for name, samples in (sounds or {}).items():
        write_wav(root / "AudioWAV" / f"{name}.wav", samples)
    return root


def _write(path: Path, columns: tuple[str, ...], rows: list[list[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerows([columns, *rows])


def write_wav(path: Path, samples: NDArray[np.float32], header: int = 44) -> Path:
    """Write mono samples at 16 kHz as 16-bit PCM, with a header of 44 bytes or of 46."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.rint(np.asarray(samples) * 32767).astype("<i2").tobytes()
    format_chunk = b"".join(
        number.to_bytes(size, "little")
        for number, size in ((1, 2), (1, 2), (RATE, 4), (2 * RATE, 4), (2, 2), (16, 2))
    ) + bytes(header - 44)
    chunks = b"WAVEfmt " + len(format_chunk).to_bytes(4, "little") + format_chunk
    chunks += b"data" + len(data).to_bytes(4, "little") + data
    path.write_bytes(b"RIFF" + len(chunks).to_bytes(4, "little") + chunks)
    return path
