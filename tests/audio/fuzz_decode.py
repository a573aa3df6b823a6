"""Feeds damaged files to the decoder: whatever they hold, it answers with a clip or a reason.

    PYTHONPATH=tests python tests/audio/fuzz_decode.py --seconds 3600 --seed 1

Sound files of every container are made, then damaged at random: bits, bytes, numbers in headers,
pieces cut out, doubled, or exchanged with another file's. Each lies on disk before it is decoded,
so that what ends the process remains there to look at.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import random
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path

import soundfile
from trees import CLIP_RATE, hum, stereo, surround, write_container, write_mp4

from builders.audio.clips import ClipError
from builders.audio.decode import decode
from builders.audio.features import measure
from builders.record.types import Media

SECONDS = 0.6
# Address space that a decoder may take, and seconds for one file.
MEMORY, PATIENCE = 6 << 30, 60
REASONS = {
    *("clip_empty", "clip_truncated", "clip_unreadable", "clip_too_long"),
    *("lfs_pointer", "no_audio_stream"),
}


def whole_files(folder: Path) -> list[bytes]:
    """Return the content of a small sound file of each kind."""
    voice = hum(SECONDS)
    soundfile.write(folder / "a.wav", voice, CLIP_RATE)
    soundfile.write(folder / "b.wav", stereo(voice).T, CLIP_RATE, subtype="FLOAT")
    soundfile.write(folder / "c.wav", voice, CLIP_RATE, subtype="IMA_ADPCM")
    soundfile.write(folder / "d.wav", surround(voice).T, CLIP_RATE, format="WAVEX")
    for kind in ("flac", "ogg", "mp3"):
        soundfile.write(folder / f"e.{kind}", voice, CLIP_RATE)
    soundfile.write(folder / "f.opus", voice, CLIP_RATE, format="OGG", subtype="OPUS")
    write_mp4(folder / "g.mp4", stereo(voice))
    write_mp4(folder / "h.mp4", surround(voice), index_first=True)
    write_container(folder / "i.avi", stereo(voice), "mp3")
    write_container(folder / "j.avi", stereo(voice), "pcm_s16le")
    write_container(folder / "k.flv", stereo(voice), "aac")
    write_container(folder / "l.mkv", stereo(voice), "ac3")
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def damaged(rng: random.Random, files: list[bytes]) -> bytes:
    """Return one of the files, damaged."""
    content = bytearray(rng.choice(files))
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        # Half of the damage is in the header, where it tells.
        reach = len(content) if rng.random() < 0.5 else min(len(content), 256)
        at = rng.randrange(max(1, reach))
        match rng.randrange(7):
            case 0:
                content[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                if at < len(content):
                    content[at] ^= 1 << rng.randrange(8)
            case 2:
                number = rng.choice((0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000))
                order = rng.choice(("little", "big"))
                size = rng.choice((2, 4, 8))
                content[at : at + size] = (number % 256**size).to_bytes(size, order)
            case 3:
                del content[at : at + rng.choice((1, 4, 100, len(content)))]
            case 4:
                piece = content[at : at + rng.randrange(1, 2000)]
                content[at:at] = piece
            case 5:
                other = rng.choice(files)
                start = rng.randrange(len(other))
                content[at : at + 400] = other[start : start + rng.randrange(400)]
            case 6:
                content[at : at + 64] = rng.randbytes(64)
    return bytes(content)


def fuzz(seconds: float, seed: int, folder: Path) -> dict[str, object]:
    """Decode damaged files for a time; return how many came to what, and the longest took."""
    rng = random.Random(seed)
    (folder / "whole").mkdir()
    files = whole_files(folder / "whole")
    outcomes: Counter[str] = Counter()
    longest = 0.0
    until = time.monotonic() + seconds
    path = folder / "damaged"
    while time.monotonic() < until:
        path.write_bytes(damaged(rng, files))
        span = (None, None) if rng.random() < 0.7 else (0.1, rng.choice((0.3, 5.0)))
        started = time.monotonic()
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        try:
            clip = decode(Media(path, *span), folder)
        except ClipError as error:
            if error.reason not in REASONS or not error.detail:
                raise
            outcomes[error.reason] += 1
        else:
            outcomes["decoded"] += 1
            check(clip.samples, clip.flac)
        longest = max(longest, time.monotonic() - started)
    faulthandler.cancel_dump_traceback_later()
    # Not `ru_maxrss`: a process inherits that from the one that started it.
    status = Path("/proc/self/status").read_text("ascii")
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    return {"files": outcomes.total(), **outcomes, "longest": longest, "peak_mb": peak}


def check(samples: int, flac: bytes) -> None:
    """Raise unless what was decoded is a clip that can be measured."""
    import io

    pcm, rate = soundfile.read(io.BytesIO(flac), dtype="int16")
    if rate != 16_000 or len(pcm) != samples or not samples:
        raise ValueError(f"{samples} samples, {len(pcm)} in the FLAC at {rate} Hz")
    measure(pcm)


def main() -> None:
    """Fuzz, and print what came of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the damaged file is left")
    wanted = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        place = wanted.folder or Path(folder)
        place.mkdir(exist_ok=True)
        print(json.dumps(fuzz(wanted.seconds, wanted.seed, place)))


if __name__ == "__main__":
    main()
