"""The dataset card and pictures of a version, computed from the manifest and the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import jinja2

from builders.evaluation.dimensions import dimension
from builders.record.data_file import DataFile
from builders.record.human_replies import SCHEMA as HUMAN_REPLIES
from builders.record.manifest_views import Manifest
from builders.release.hub.metadata import front_matter, wording
from builders.release.hub.staging import Staged
from builders.release.pairs.bag_of_words import said_of
from builders.release.rights import banded, withheld
from builders.release.splits import ORDER
from builders.report import CERTIFICATE_PARTS

_TEMPLATES = Path(__file__).parent
_BAR = 320
# The names of the sentences of `wording.toml` that say whether a judge is fit.
_FIT = {True: "fit", False: "unfit", None: "unmeasured"}


class PictureBar(TypedDict):
    """A bar of a picture: its name, what it counts, its length in pixels."""

    label: str
    count: int
    length: int


def write_card(
    staged: Staged,
    manifest: Manifest,
    repo: str,
    measured: Mapping[str, float],
    proof: Mapping[str, object],
) -> None:
    """Write `README.md` and `pictures/` of a version.

    Args:
        staged: its rows.
        manifest: the build's.
        repo: where it will be, ORG/NAME.
        measured: the reviewers' agreement by measure, if known.
        proof: the `ablation` and the `certificate` of the build, where it has them.
    """
    import yaml  # of the extra publish

    provider = manifest["result"]["config"]["provider"]
    head = yaml.safe_dump(
        front_matter(staged, provider), sort_keys=False, allow_unicode=True, width=100
    )
    templates = _environment()
    body = templates.get_template("card.md.j2").render(
        _content(staged, manifest)
        | {"repo": repo, "measured": measured, "ablation": None, "certificate": None, **proof}
    )
    (staged.folder / "README.md").write_text(f"---\n{head}---\n\n{body}", encoding="utf-8")
    pictures = staged.folder / "pictures"
    pictures.mkdir(exist_ok=True)
    tally = staged.tally
    for name, counts in (
        ("emotions", _by(tally.emotions, 1)),
        ("strategies", _by(tally.strategies, 1)),
    ):
        if counts:
            drawn = templates.get_template("bars.svg.j2").render(
                title=f"{name} by number of samples", bars=_bars(counts)
            )
            (pictures / f"{name}.svg").write_text(drawn, encoding="utf-8")


def _content(staged: Staged, manifest: Manifest) -> dict[str, object]:
    tally, terms = staged.tally, staged.terms
    splits = sorted(tally.rows["utterances"], key=ORDER.index)
    replies = tally.rows.get("default", Counter()).total()
    return {
        "certificate_parts": CERTIFICATE_PARTS,
        "card": terms.card,
        "terms": terms,
        "withheld": list(withheld(terms.may)),
        "banded": [field for field in banded() if field not in withheld(terms.may)],
        "human_withheld": [
            field for field in withheld(terms.may, HUMAN_REPLIES) if field != "audio"
        ],
        "human_audio": "audio" in terms.may and not terms.synthetic,
        "result": manifest["result"],
        "output_terms": staged.output_terms,
        "cost": manifest["run"]["cost"],
        "configs": {
            config: tally.rows.get(config) or _rows(staged, config) for config in staged.configs
        },
        "splits": splits,
        "divided": bool(staged.splits),
        "folds": sorted(staged.splits.folds),
        "tally": tally,
        "emotions": _by(tally.emotions, 1),
        "by_split": tally.emotions,
        "strategies": _by(tally.strategies, 1),
        "labels": sorted(tally.labels.items()),
        "replies": replies,
        "scores": [
            (dimension(name), _FIT[fit], total / count)
            for (name, fit), (total, count) in sorted(tally.scores.items(), key=str)
        ],
        "checks": sorted(tally.checks),
        "hours": tally.seconds / 3600,
        "example": _example(staged),
        "pairs": [(one, said_of(one)) for one in staged.words_alone],
        **wording(),
    }


def _rows(staged: Staged, config: str) -> Counter[str]:
    return Counter({split: seen.rows for split, seen in staged.fingerprints[config].items()})


def _by(tally: Counter[tuple[str, str]], place: int) -> list[tuple[str, int]]:
    """Return the counts by one part of the key, the most common first."""
    counts: Counter[str] = Counter()
    for key, count in tally.items():
        counts[key[place]] += count
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _bars(counts: list[tuple[str, int]]) -> list[PictureBar]:
    most = max(count for _, count in counts)
    return [
        {"label": name, "count": count, "length": max(1, round(count / most * _BAR))}
        for name, count in counts
    ]


def _example(staged: Staged) -> dict[str, object] | None:
    """Return the first row of `default`, if the terms allow showing text and replies."""
    if not {"text", "derived"} <= staged.terms.may or "default" not in staged.files:
        return None
    first = next(iter(staged.files["default"].values()))[0]
    with DataFile(first) as file:
        table = file.group(0, ["id", "messages"]).slice(0, 1)
    row: dict[str, object] = table.to_pylist()[0]
    return row


def _environment() -> jinja2.Environment:
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["number"] = "{:,}".format
    found.filters["cell"] = lambda text: str(text).replace("|", "\\|").replace("\n", " ")
    return found
