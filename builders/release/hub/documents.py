"""The published files besides the rows: manifest, tables, schemas, card and digests."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import NotRequired, TypedDict

from builders import resources
from builders.record.folder import write_json
from builders.record.manifest_views import Manifest, ManifestResult, RunCost
from builders.record.schema import load_schema
from builders.release.eligibility import EXCLUDED
from builders.release.hub.card import write_card
from builders.release.hub.croissant import croissant
from builders.release.hub.files import SUMS, digests, link, sums_text
from builders.release.hub.fingerprints import RowDigest
from builders.release.hub.staging import INPUTS, Staged
from builders.release.rights import banded, withheld

CHANGES = "CHANGELOG.md"
MANIFEST = "manifest.json"


class PublishedRun(TypedDict):
    """The published part of a build's run."""

    cost: RunCost
    versions: dict[str, str]


class Publication(TypedDict):
    """What was published and what was not: counts by reason, rows by config and split.

    `may` and `widened` are permissions, `withheld` and `banded` fields; see `rights.py`.
    """

    corpus: str
    licence: str
    may: list[str]
    widened: list[str]
    withheld: list[str]
    banded: NotRequired[list[str]]
    left_out: dict[str, int]
    without_reply: dict[str, int]
    configs: dict[str, dict[str, RowDigest]]
    output_terms: NotRequired[list[dict[str, str | bool | None]]]


class PublishedManifest(TypedDict):
    """The content of a repository's `manifest.json`."""

    result: ManifestResult
    run: PublishedRun
    published: Publication


def write_documents(
    staged: Staged,
    manifest: Manifest,
    repo: str,
    endpoint: str,
    measured: Mapping[str, float],
    proof: Mapping[str, object],
) -> dict[str, str]:
    """Write everything but the change log, and return the digest of each file by path.

    Args:
        staged: the rows.
        manifest: the build's.
        repo: where it will be, ORG/NAME.
        endpoint: the Hub's address.
        measured: the reviewers' agreement.
        proof: the `ablation` and the `certificate` of the build, where it has them.
    """
    folder = staged.folder
    shutil.rmtree(folder / INPUTS)
    for source, name in _as_they_are(staged.terms.card.slug):
        link(source, folder / name)
    write_json(_made(folder / "schemas" / "sample.schema.json"), load_schema("sample"))
    for kind in staged.files:
        write_json(_made(folder / "schemas" / f"{kind}.schema.json"), staged.schemas[kind])
    write_json(folder / MANIFEST, published_manifest(staged, manifest))
    write_card(staged, manifest, repo, measured, proof)
    write_json(folder / "croissant.json", croissant(staged, repo, endpoint))
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = (path.relative_to(folder).as_posix() for path in paths)
    sums = dict(zip(names, digests(paths), strict=True))
    (folder / SUMS).write_text(sums_text(sums), encoding="utf-8")
    return sums


def published_manifest(staged: Staged, manifest: Manifest) -> PublishedManifest:
    """Return the build's manifest without hosts and times, with the publication part."""
    published: Publication = {
        "corpus": staged.terms.card.slug,
        "licence": staged.terms.licence.name,
        "may": sorted(staged.terms.may),
        "widened": list(staged.terms.widened),
        "withheld": list(withheld(staged.terms.may)),
        "banded": list(banded()),
        "left_out": staged.tally.left_out_told,
        "without_reply": dict(sorted(staged.tally.without_reply.items())),
        "configs": {
            config: {split: seen.as_json() for split, seen in staged.fingerprints[config].items()}
            for config in staged.configs
        },
    }
    if staged.output_terms:
        published["output_terms"] = [asdict(one) for one in staged.output_terms]
    return {
        "result": _without_traces(manifest["result"]),
        "run": {"cost": manifest["run"]["cost"], "versions": manifest["run"]["versions"]},
        "published": published,
    }


def _without_traces(result: ManifestResult) -> ManifestResult:
    """Return a result that does not reveal who asked to be excluded.

    A digest over a few ids can be found by trying all ids of the corpus, and so can one over fits
    of all others. If reasons were distinguished, a gap in the ids would reveal whom one of them
    is about.
    """
    told = copy.deepcopy(result)
    told["config"].pop("excluded_ids", None)
    told.pop("fits", None)
    for split in told["splits"].values():
        reasons = split["not_selected"]
        if EXCLUDED in reasons:
            split["not_selected"] = {"not_selected": sum(reasons.values())}
    return told


def _as_they_are(slug: str) -> list[tuple[Path, str]]:
    """Return the tables published unchanged, and their published names."""
    tables = resources.label_maps()
    wanted = (f"emotion/{slug}.*.tsv", "emotion/_*.tsv", "emotion/views/*.tsv", "strategy/_*.tsv")
    paths = [path for pattern in wanted for path in sorted(tables.glob(pattern))]
    return [(path, f"mappings/{path.relative_to(tables).as_posix()}") for path in paths]


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def changes_text(
    version: int, before: str | None, sums: Mapping[str, str], last: Mapping[str, str]
) -> str:
    """Return the change log with an entry for this version above the earlier ones."""
    head = '# Changelog\n\nVersions are tags; `revision="v1"` loads the first one.\n'
    entry = [f"\n## v{version}\n", *_changes(sums, last)]
    older = (before or "").partition("\n## ")[2]
    return head + "\n".join(entry) + "\n" + (f"\n## {older}" if older else "")


def _changes(sums: Mapping[str, str], last: Mapping[str, str]) -> list[str]:
    if not last:
        return ["- First version."]
    said = {
        "new": sorted(sums.keys() - last.keys()),
        "changed": sorted(path for path in sums.keys() & last.keys() if sums[path] != last[path]),
        "gone": sorted(last.keys() - sums.keys()),
    }
    return [
        f"- {what}: {', '.join(f'`{p}`' for p in paths)}" for what, paths in said.items() if paths
    ]
