"""What hearing costs, and whether what is measured is right, on real speech.

    python bench/voice.py [--runs 5] [--clips 200 2000] [--checked 20 80] [--transcribed DIR]
                          [--picture docs/voice.svg]

Times real time, one core: decode, check, measure and FLAC of WAV and of films with a 5.1 mix,
beside soundfile.read and librosa.load with librosa.pyin in the same run. Then the pass over a
corpus: on one core and on two, its memory for few clips and for many. Then the agreement with pyin,
and how pitch and loudness go with the owners' arousal. Needs the folder of real speech
(HEARTEN_REAL_DATA), and librosa, which a build does not. The checks that extras bring are each
measured alone; with `--transcribed`, a folder of WAV files and the files *transcription* of the
package pocketsphinx-testdata, it is said how many words the recogniser mishears.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

import jinja2  # noqa: E402
import librosa  # noqa: E402
import numpy as np  # noqa: E402
import soundfile  # noqa: E402
from trees import recording, stereo, surround, write_container, write_mp4  # noqa: E402

from builders.audio.asr import Transcriber, distance, spoken_words  # noqa: E402
from builders.audio.decode import as_flac, pcm_digest, read_sound  # noqa: E402
from builders.audio.detectors import ClipCheck, open_checks  # noqa: E402
from builders.audio.features import Measured, measure  # noqa: E402
from builders.audio.findings import checked_findings  # noqa: E402
from builders.audio.pitch import HOP, track  # noqa: E402
from builders.audio.speaker_baseline import Baselines  # noqa: E402
from builders.record.types import Media  # noqa: E402

REAL = Path(os.environ.get("HEARTEN_REAL_DATA") or PROJECT.parent / "shared" / "data")
SPEECH = REAL / "real_speech"
CHECKS = ("vad", "dnsmos", "asr")
CODE = """
import os, sys, json, time
from pathlib import Path
cores, folder, side, count, checks = json.loads(sys.argv[1])
os.sched_setaffinity(0, range(cores))
from builders.audio.analysis import Hearing, Standards
from builders.record.types import Media, Utterance
from builders.audio.detectors import open_checks
from builders.store.clips import ClipFiles
from builders.store.database import Store
from builders.store.key_value import KeyValue
folder, side = Path(folder), Path(side)
paths = sorted(folder.glob("*.wav"))
opened = open_checks(checks, cores)
values = KeyValue(Store(str(side / "hearten.sqlite")))
hearing = Hearing(folder, values, ClipFiles(side / "clips"), Standards(), opened)
said = (
    (Utterance("1", str(n), n, f"s{n % 40}", "It is cold today.", None, id=str(n),
               media=Media(paths[n])), True)
    for n in range(count)
)
started = time.perf_counter()
hearing.listen(said, workers=cores)
values.close()
seconds = time.perf_counter() - started
# Not ru_maxrss, which a process has from the one that started it.
status = Path("/proc/self/status").read_text()
peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps([seconds, peak, hearing.result["measured"]]))
"""


def hear(path: Path) -> Measured:
    """Decode, check and measure a clip, and make its FLAC, as a build does."""
    sound = read_sound(Media(path), path.parent)
    pcm_digest(sound.pcm)
    as_flac(sound.pcm)
    return measure(sound.pcm)


def pyin(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return pitch and voicing as librosa has them."""
    sound, rate = librosa.load(path, sr=None)
    found = librosa.pyin(
        sound, fmin=65, fmax=500, sr=rate, frame_length=1024, hop_length=round(HOP * rate)
    )
    return found[0], found[1]


def times_real(work: Callable[[Path], object], paths: list[Path], seconds: float) -> float:
    """Return how many seconds of sound a second of one core gets through."""
    started = time.process_time()
    for path in paths:
        work(path)
    return seconds / (time.process_time() - started)


def speeds(clips: list[Path], folder: Path, runs: int) -> None:
    """Print times real time."""
    seconds = sum(soundfile.info(clip).duration for clip in clips)
    films, mixes = [], []
    for clip in clips:
        voice = recording(clip)
        films.append(write_mp4(folder / f"{clip.stem}.mp4", surround(voice), bit_rate=256_000))
        mixes.append(write_container(folder / f"{clip.stem}.mp3", stereo(voice), "mp3"))
    works: list[tuple[str, Callable[[Path], object], list[Path]]] = [
        ("soundfile.read", soundfile.read, clips),
        ("decode, check, measure, FLAC: wav", hear, clips),
        ("decode, check, measure, FLAC: mp3, 48 kHz stereo", hear, mixes),
        ("decode, check, measure, FLAC: mp4, 48 kHz 5.1", hear, films),
        ("librosa.load and librosa.pyin: wav", pyin, clips[:6]),
        *((f"check {c.name} alone", _checking(c), clips[:8]) for c in open_checks(CHECKS, 1)),
    ]
    for name, work, paths in works:
        length = seconds if len(paths) == len(clips) else sum(map(_seconds, paths))
        work(paths[0])
        turns = [times_real(work, paths, length) for _ in range(runs if work is not pyin else 1)]
        print(f"{name:52} {statistics.median(turns):8,.0f} times real time")


def _checking(check: ClipCheck) -> Callable[[Path], object]:
    return lambda path: check.run(soundfile.read(path, dtype="int16")[0])


def misheard(folder: Path) -> None:
    """Print how many words of transcribed clips are heard otherwise, and which seem other texts."""
    written = {}
    for path in folder.rglob("*transcription"):
        for text, name in re.findall(r"<s>(.*?)</s> \((.*?)\)", path.read_text()):
            written[path.parent / f"{name}.wav"] = text
    transcriber, off, words, marked = Transcriber(), 0, 0, Counter()
    heard = {
        path: transcriber.transcribe(soundfile.read(path, dtype="int16")[0]) for path in written
    }
    for path, text in written.items():
        off += distance(spoken_words(text), spoken_words(heard[path]))
        words += len(spoken_words(text))
        for other in written:
            found = [*checked_findings({"asr": heard[other]}, text)]
            marked["own" if other == path else "another's", bool(found)] += 1
    print(f"words misheard in {len(written)} clips: {off} of {words} ({off / words:.1%})")
    for whose in ("own", "another's"):
        count = marked[whose, True]
        print(f"a mismatch beside {whose} text: {count} of {count + marked[whose, False]}")


def _seconds(path: Path) -> float:
    return float(soundfile.info(path).duration)


def passes(clips: list[Path], folder: Path, counts: list[int], checks: Sequence[str]) -> None:
    """Print what the pass over a corpus takes, in processes of their own."""
    sounds = [soundfile.read(clip, dtype="int16") for clip in clips]
    for number in range(max(counts, default=0)):
        sound, rate = sounds[number % len(sounds)]
        # None the same as another, as the same sound would not be decoded again.
        soundfile.write(folder / f"{number:06}.wav", np.roll(sound, number // len(sounds)), rate)
    every = sorted(folder.glob("*.wav"))
    for cores in (1, 2):
        for count in counts:
            with tempfile.TemporaryDirectory() as side:
                told = json.dumps([cores, str(folder), side, count, checks])
                first, again = _pass(told), _pass(told)
            length = sum(map(_seconds, every[:count]))
            for (seconds, peak, measured), which in ((first, ""), (again, ", all known")):
                print(
                    f"pass over {measured:>6,} clips on {cores} core{'s' * (cores > 1)}"
                    f"{' with ' + ', '.join(checks) if checks else ''}{which}: "
                    f"{length / seconds:5,.0f} times real time, peak {peak:,.0f} MB"
                )


def _pass(told: str) -> tuple[float, float, int]:
    """Return what a pass in a process of its own took: seconds, MB, and clips measured."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, told],
        capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    seconds, peak, measured = json.loads(done.stdout)
    return seconds, peak, measured


def agreement(clips: list[Path]) -> None:
    """Print how far our pitch is from pyin's."""
    off, voicing, ours_by, theirs_by = [], [], [], []
    for clip in clips:
        theirs, voiced = pyin(clip)
        ours = track(*soundfile.read(clip, dtype="float32"))
        size = min(len(theirs), len(ours.hertz))
        both = ours.voiced[:size] & voiced[:size]
        off.append(np.abs(12 * np.log2(ours.hertz[:size][both] / theirs[:size][both])))
        voicing.append(ours.voiced[:size] == voiced[:size])
        ours_by.append(12 * np.log2(np.median(ours.hertz[ours.voiced])))
        theirs_by.append(12 * np.log2(np.nanmedian(theirs[voiced])))
    frames, medians = np.concatenate(off), np.abs(np.array(ours_by) - theirs_by)
    print(
        f"beside pyin: frames {np.median(frames):.2f} semitones apart in the median, "
        f"{(frames < 1).mean():.0%} within one; voicing the same in "
        f"{np.concatenate(voicing).mean():.0%}; clip medians {np.median(medians):.2f} apart, "
        f"{medians.max():.2f} at most, Spearman {spearman(ours_by, theirs_by):.2f}"
    )


def spearman(one: list[float], other: list[float]) -> float:
    """Return the correlation of ranks."""
    ranks = [np.argsort(np.argsort(values)).astype(float) for values in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


def arousal(clips: list[Path], picture: Path | None) -> None:
    """Print how pitch and loudness go with arousal, and draw it."""
    with (SPEECH / "arousal.csv").open() as stream:
        known = {name: float(value) for name, value in csv.reader(stream)}
    values = [known[clip.name] for clip in clips]
    found = [hear(clip) for clip in clips]
    baselines = Baselines()
    from builders.record.types import Utterance

    for clip, measured in zip(clips, found, strict=True):
        one = Utterance("1", clip.stem, 0, None, "", None, id=clip.stem)
        baselines.add(one, measured)
    panels = [
        ("median pitch, semitones above 1 Hz", [m.pitch or 0.0 for m in found]),
        ("level of the speech, dB of full scale", [m.level or 0.0 for m in found]),
    ]
    for name, measure_of in panels:
        print(f"{name}: Spearman with arousal {spearman(measure_of, values):+.2f}")
    print(f"levels made alike within {baselines.normalised} dB: loudness is not put into words")
    if picture:
        picture.parent.mkdir(exist_ok=True)
        picture.write_text(draw(panels, values), encoding="utf-8")


def draw(panels: list[tuple[str, list[float]]], arousals: list[float]) -> str:
    """Return a scatter of each panel's values over arousal, as SVG."""
    template = jinja2.Template((Path(__file__).parent / "voice.svg.j2").read_text())
    drawn = []
    for name, values in panels:
        low, high = min(values), max(values)
        points = [
            (140 + 120 * a, 200 - 160 * (v - low) / (high - low))
            for a, v in zip(arousals, values, strict=True)
        ]
        drawn.append((name, spearman(values, arousals), low, high, points))
    return template.render(panels=drawn) + "\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--clips", type=int, nargs="*", default=[200, 2000])
    parser.add_argument("--checked", type=int, nargs="*", default=[20, 80])
    parser.add_argument("--transcribed", type=Path)
    parser.add_argument("--picture", type=Path)
    wanted = parser.parse_args()
    clips = sorted(SPEECH.glob("*.wav"))
    if not clips:
        sys.exit(f"no real speech in {SPEECH} (HEARTEN_REAL_DATA says where)")
    with tempfile.TemporaryDirectory() as made:
        speeds(clips, Path(made), wanted.runs)
    with tempfile.TemporaryDirectory() as made:
        passes(clips, Path(made), wanted.clips, ())
    for check in CHECKS:
        with tempfile.TemporaryDirectory() as made:
            passes(clips, Path(made), wanted.checked, (check,))
    if wanted.transcribed:
        misheard(wanted.transcribed)
    agreement(clips)
    arousal(clips, wanted.picture)


if __name__ == "__main__":
    main()
