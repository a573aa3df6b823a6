"""The report of a build: one self-contained page of HTML, its pictures drawn by templates.

The results part is a function of ``data/``, ``rejected.parquet`` and the manifest's
``result``; everything that varies from run to run is in a separate section. The texts are in
``report.html.j2``, the pictures in ``pictures.html.j2``, the styles in ``style.css``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from builders.errors import VerificationError
from builders.record.folder import writable
from builders.record.manifest_views import Manifest, SetCheck, SplitCounts
from builders.release.eligibility import Restrictions
from builders.report.contents import with_contents
from builders.stats import wilson
from builders.tasks.qualification import meanings
from builders.tasks.reply.checks.rules import WORDS

if TYPE_CHECKING:
    import pandas as pd

    from builders.report.tallies import Rejects, Samples

_Splits = Mapping[str, SplitCounts]
_SPLITS = ("train", "dev", "test", "all")
# What the ranker of a certificate goes by, in the words of the page.
CERTIFICATE_PARTS = (
    ("voice", "the measured voice"),
    ("voice_beyond_label", "the voice beyond its label"),
    ("label", "the label alone"),
    ("words", "the words alone"),
    ("shuffled_voice", "shuffled voices"),
)


def write(  # noqa: PLR0913 - the build, what is known beside it, and how it is drawn
    folder: Path,
    manifest: Manifest,
    swaps: Sequence[Mapping[str, object]] = (),
    scores: Sequence[Mapping[str, object]] = (),
    known: Restrictions | None = None,
    proof: Mapping[str, object] | None = None,
    *,
    with_mel: bool = False,
) -> Path:
    """Write ``report.html`` of a build and return its path.

    Args:
        folder: the folder with ``data/`` and ``rejected.parquet``.
        manifest: the content of ``manifest.json``, which need not be written yet.
        swaps: the judges' results on minimal pairs, from `evaluation.results`.
        scores: what judges said of replies, from `evaluation.score_results`.
        known: the excluded ids, which are counted as not selected.
        proof: the `ablation` and the `certificate` of the build, where it has them.
        with_mel: draw the mel spectrograms of voices too, which needs the extra `audio`.

    Raises:
        VerificationError: a file is missing, unreadable, or does not match the manifest's counts.
        OutputError: the page cannot be written.
    """
    # Imported here: pandas takes half a second that no other command should wait for.
    from builders.report import contribution, missing, tallies, voices

    paths = [folder / file["path"] for file in manifest["result"]["files"]]
    data = [path for path in paths if path.parent.name == "data"]
    gone = missing.find(data, folder / "rejected.parquet", known or Restrictions())
    manifest = gone.taken_from(manifest)
    samples = tallies.samples(data, gone.ids)
    rejects = tallies.rejects(folder / "rejected.parquet", gone.ids)
    _check(folder, manifest["result"]["splits"], samples, rejects)
    content = _content(manifest, samples, rejects)
    content["examples"] = examples = tallies.examples(data[:1], gone.ids)
    content["contributions"] = contribution.by_corpus(samples.votes, samples.classes)
    content["swaps"], content["scores"] = swaps, scores
    content |= {"ablation": None, "certificate": None, **(proof or {})}
    content["certificate_parts"] = CERTIFICATE_PARTS
    content["qualification_parts"] = meanings()
    content["voices"] = voices.drawings(data[:1], examples, with_mel)
    content |= _of_replies(manifest, data, gone.ids)
    page = with_contents(_environment().get_template("report.html.j2").render(content))
    target = folder / "report.html"
    with writable(folder):
        temporary = target.with_name("report.html.tmp")
        temporary.write_text(page, encoding="utf-8")
        temporary.replace(target)
    return target


def _of_replies(
    manifest: Manifest, data: Sequence[Path], out: Collection[str]
) -> dict[str, object]:
    """Return what the page says of the replies, beside counts."""
    from builders.report import confusions, contrasts, drafters
    from builders.report.set_checks import telling

    return {
        "contrasts": contrasts.contrasts(data, out),
        "confusions": confusions.confusions(data, out),
        "set_checks": telling.rows(_set_checks(manifest, data, out)),
        "drafters": drafters.drafters(data, out),
    }


def _set_checks(manifest: Manifest, data: Sequence[Path], out: Collection[str]) -> list[SetCheck]:
    """Return what the manifest says of the set; computed anew where ids are left out."""
    from builders.report.set_checks import check_set

    known = manifest["result"].get("set_checks")
    return check_set(data, out) if known is None or out else known


def _check(folder: Path, splits: _Splits, samples: Samples, rejects: Rejects) -> None:
    """Raise VerificationError if the files have other row counts than the manifest."""
    kept = samples.emotions.groupby(level="split").sum().to_dict()
    for split in sorted({*splits, *kept, *rejects.splits}):
        said = splits.get(split)
        expected = (said["kept"], sum(said["rejected"].values())) if said else (0, 0)
        found = int(kept.get(split, 0)), rejects.splits.get(split, 0)
        if found != expected:
            raise VerificationError(
                f"{split} has {found[0]:,} samples and {found[1]:,} rejects",
                where=folder,
                expected=f"{expected[0]:,} and {expected[1]:,}, as the manifest says",
                do="restore the files, or build it again; cached responses are kept",
            )


def _content(manifest: Manifest, samples: Samples, rejects: Rejects) -> dict[str, object]:
    """Return the template's context, with every dict in a fixed order."""
    from builders.report import pictures

    result, run = manifest["result"], manifest["run"]
    splits = sorted(result["splits"], key=_SPLITS.index)
    return {
        "result": result,
        "splits": splits,
        "not_selected": _not_selected(result["splits"], splits),
        "emotions": pictures.by_split(samples.emotions, splits),
        "strategies": pictures.strategies_by_emotion(samples.strategies, samples.emotions),
        "words": pictures.histogram(samples.words, width=1, most=WORDS[1] + 4, least=WORDS[1] + 4),
        "limits": WORDS,
        "turns": pictures.histogram(samples.turns, width=1, most=25),
        "seconds": pictures.histogram(samples.seconds, width=0.5, most=30),
        "rejects": rejects.reasons,
        "openings": pictures.bars(samples.openings, samples.count, most=15),
        "distinct_openings": len(samples.openings),
        "matches": {
            "leaf": pictures.bars(samples.match_leaf, samples.count),
            "root": pictures.bars(samples.match_root, samples.count),
        },
        "findings": pictures.bars(samples.findings, samples.count),
        "speech": pictures.histogram(samples.speech, width=5, most=20),
        "quality": pictures.histogram(samples.quality, width=25, most=20),
        "word_errors": pictures.histogram(samples.word_errors, width=10, most=20),
        "attempts": pictures.bars(samples.attempts, samples.count),
        "review": pictures.bars(samples.review, int(samples.review.sum())),
        "heard": _moved(samples.heard),
        "octaves": _octaves(result.get("voice") or {}),
        "run": run,
        "finished": f"{datetime.fromtimestamp(run['finished'], UTC):%Y-%m-%d %H:%M} UTC",
    }


def _octaves(voice: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what pYIN says of our pitch, with the interval of the share of clips."""
    found = voice.get("pitch")
    if not found or not found["clips"]:
        return None
    low, high = wilson(found["clips_off"] / found["clips"], found["clips"])
    return {**found, "low": low, "high": high}


def _moved(heard: pd.Series) -> list[tuple[str, str, int]]:
    """Return label, emotion heard and count if they differ, the most frequent first."""
    moved = [(label, other, int(n)) for (label, other), n in heard.items() if label != other]
    return sorted(moved, key=lambda row: (-row[2], row))


def _not_selected(counts: _Splits, splits: list[str]) -> list[tuple[str, str, int]]:
    """Return split, reason and count of utterances not selected."""
    return [
        (split, reason, count)
        for split in splits
        for reason, count in sorted(counts[split]["not_selected"].items())
    ]


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = "{:,}".format
    environment.filters["percent"] = _percent
    environment.filters["measure"] = _measure
    environment.filters["interval"] = _interval
    return environment


def _measure(value: float | None) -> str:
    return "\u2013" if value is None else f"{value:.2f}"


def _interval(found: Mapping[str, float | None] | None) -> str:
    """Return a mean, or a share, and its interval."""
    value = found and found.get("mean", found.get("share"))
    if found is None or value is None:
        return "\u2013"
    low, high = found["low"] or 0.0, found["high"] or 0.0
    return f"{value:.0%} ({low:.0%} to {high:.0%})"


def _percent(share: float) -> str:
    if 0 < share < 0.0005:
        return "<0.1\u00a0%"
    return f"{share * 100:.1f}\u00a0%"
