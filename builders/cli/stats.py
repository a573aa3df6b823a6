"""`hearten stats`: the numbers of a build's report on the terminal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from builders.cli.options import EXCLUSIONS, Excluded, Folder, Json, StoreAddress
from builders.cli.status import cost_line, count_lines

if TYPE_CHECKING:
    from builders.record.manifest_views import Manifest
    from builders.report.numbers import Numbers, Spread

commands = typer.Typer()

_MOST = 15
_SPREADS = (
    ("reply_words", "words of a reply"),
    ("turns", "earlier turns"),
    ("seconds", "seconds of a clip"),
    ("speech", "share of speech"),
    ("quality", "quality of the sound"),
    ("word_errors", "word error rate"),
)


@commands.command("stats")
def stats_command(
    folder: Folder,
    exclusions: Excluded = EXCLUSIONS,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Print the numbers of a build's report: counts, emotions, strategies, lengths, flags."""
    _stats(folder, exclusions, store, as_json)


def _stats(folder: Path, exclusions: Path, store: str | None, as_json: bool) -> None:
    """Print what the manifest says at once, then what is counted over the samples."""
    from builders.record.dataset import Build

    build = Build(folder, footers=False)
    if not as_json:
        for line in _manifest_lines(build.manifest):
            print(line, flush=True)
    from builders.cli.beside import store_of
    from builders.release.eligibility import Purpose, Restrictions, excluded_by, left_out
    from builders.report.numbers import numbers

    known = Restrictions(excluded_by(exclusions, store_of(folder, store)))
    found = numbers(build, left_out(build.shards(), Purpose.REVIEW, known))
    if as_json:
        print(json.dumps(_document(folder, build.manifest, found), indent=2, ensure_ascii=False))
        return
    for line in _lines(found):
        print(line)


def _document(folder: Path, manifest: Manifest, found: Numbers) -> dict[str, object]:
    result = manifest["result"]
    return {
        "folder": str(folder),
        "name": result["name"],
        "counts": result["counts"],
        "rejected": result["rejected"],
        "splits": result["splits"],
        "set_checks": result.get("set_checks"),
        "pitch": (result.get("voice") or {}).get("pitch"),
        "cost": manifest["run"]["cost"],
        **found,
    }


def _manifest_lines(manifest: Manifest) -> Iterator[str]:
    result = manifest["result"]
    yield f"{result['name']}: {cost_line(manifest['run']['cost'])}"
    yield from count_lines(result)
    for one in result.get("set_checks") or ():
        people = "" if one["people"] is None else f"; people's next turns {one['people']:.2f}"
        out = " (outside)" if one["out"] else ""
        yield f"  {one['code']}: {one['value']:.2f}{people}{out}"
    yield from _pitch_lines(result.get("voice"))


def _pitch_lines(voice: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield what `--check pitch` found in the corpus, if it was asked for."""
    if voice and (found := voice.get("pitch")):
        clips = f"{found['clips_off']:,} of {found['clips']:,} clips"
        frames = f"{found['frames_off']:,} of {found['frames']:,} frames"
        yield f"  pitch an octave from pYIN's: {clips}, {frames}"


def _lines(found: Numbers) -> Iterator[str]:
    emotions: Counter[str] = Counter()
    for counts in found["emotions"].values():
        emotions.update(counts)
    strategies: Counter[str] = Counter()
    for counts in found["strategies"].values():
        strategies.update(counts)
    total = emotions.total()
    for split, counts in found["emotions"].items():
        yield f"{split}: {sum(counts.values()):,} samples"
    yield from _table("emotions", dict(emotions.most_common()), total)
    yield from _table(
        "strategies (a reply may have several)", dict(strategies.most_common()), total
    )
    yield from _table("labels, beside ours", found["match_leaf"], total)
    yield from _table("flags", found["flags"], total)
    yield from _table("first words of replies", found["openings"], total)
    yield from _table("answers that a reply took", found["attempts"], total)
    yield from _table("review", found["review"], total)
    for name, said in _SPREADS:
        spread: Spread | None = found[name]  # type: ignore[literal-required]
        if spread:
            yield _spread_line(said, spread)


def _table(title: str, counts: Mapping[str, int], total: int) -> Iterator[str]:
    """Yield counts with their shares of all samples, the most frequent first."""
    if not counts:
        return
    yield f"{title}:"
    for name, count in [*counts.items()][:_MOST]:
        yield f"  {count:>9,}  {count / total:>6.1%}  {name}"
    if more := len(counts) - _MOST:
        if more > 0:
            yield f"  and {more} more"


def _spread_line(name: str, one: Spread) -> str:
    inner = f"{one['median']:g}, nine in ten from {one['low']:g} to {one['high']:g}"
    return f"{name}: {inner}, all from {one['least']:g} to {one['most']:g}"
