"""The metadata of the card, read by the Hub and `datasets`, in a notation that all versions load.

Lists are spelt `list:`, audio as a dtype of its own; both are what `datasets` 3.6 to 5 understand.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypedDict, cast

import pyarrow.parquet as pq

from builders.record.parquet import HubFeature, features_of, is_leaf
from builders.record.schema import SchemaNode
from builders.release.hub.staging import Staged
from builders.release.layouts import AUDIO_CLASSES

_WORDING = Path(__file__).parent / "wording.toml"
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
)


class Wording(TypedDict):
    """The tables of `wording.toml`."""

    gating: dict[str, str]
    uses: dict[str, list[str]]
    rai: dict[str, str]
    about: dict[str, str]
    speech_licence: dict[str, str]
    label_source: dict[str, str]
    context: dict[str, str]


class SplitInfo(TypedDict):
    """The metadata of a split."""

    name: str
    num_bytes: int
    num_examples: int


def wording() -> Wording:
    """Return the sentences of `wording.toml`."""
    return cast(Wording, tomllib.loads(_WORDING.read_text("utf-8")))


def front_matter(staged: Staged, provider: str) -> dict[str, object]:
    """Return the card's metadata as plain values, in the order they are written."""
    terms, card = staged.terms, staged.terms.card
    licence = {"license": terms.licence.hub}
    if terms.licence.hub == "other":
        licence["license_name"] = re.sub(r"[^a-z0-9.]+", "-", terms.licence.name.lower()).strip("-")
        if card.homepage:
            licence["license_link"] = card.homepage
    made = ["found", "machine-generated"] if "default" in staged.configs else ["found"]
    return {
        "pretty_name": f"Hearten: {card.title}",
        **licence,
        "language": [card.language],
        "multilinguality": ["monolingual"],
        "task_categories": _tasks(staged),
        "size_categories": [_size(staged)],
        "source_datasets": ["extended|other"],
        "annotations_creators": made + (["expert-generated"] if staged.tally.reviews else []),
        "language_creators": made,
        "tags": ["hearten", "empathetic-dialogue", "emotion", card.slug, provider],
        **_gating(staged),
        "configs": [_config(staged, config) for config in staged.configs],
        "dataset_info": [_info(staged, config) for config in staged.configs],
    }


def _tasks(staged: Staged) -> list[str]:
    audio = "audio" in staged.terms.may
    # A synthetic voice does not express the label.
    felt = audio and not staged.terms.synthetic
    tasks = {
        "text-generation": "default" in staged.configs,
        "audio-text-to-text": audio and "default" in staged.configs,
        "audio-classification": felt and "labels" in staged.terms.may,
        "text-classification": {"text", "labels"} <= staged.terms.may,
    }
    return [task for task, fits in tasks.items() if fits] or ["other"]


def _size(staged: Staged) -> str:
    rows = staged.tally.rows[staged.configs[0]].total()
    return next((name for most, name in _SIZES if rows < most), "1M<n<10M")


def _gating(staged: Staged) -> dict[str, object]:
    """Return the form for gated access: voices, non-commercial terms."""
    said = wording()["gating"]
    voices = "audio" in staged.terms.may and not staged.terms.synthetic
    fields = {said["identify"]: voices, said["terms"]: True}
    fields[said["non_commercial"]] = "-nc" in staged.terms.licence.hub
    return {
        "extra_gated_prompt": said["prompt"].format(licence=staged.terms.licence.name),
        "extra_gated_fields": {
            name: {"type": "checkbox"} for name, asked in fields.items() if asked
        },
    }


def _parts(staged: Staged, config: str) -> dict[str, list[str]]:
    """Return the patterns of a config's files, by split."""
    parts = {}
    for split in staged.fingerprints[config]:
        if config in AUDIO_CLASSES:
            parts[split] = [f"data/default/{split}-{AUDIO_CLASSES[config]}-*.parquet"]
        else:
            parts[split] = [f"data/{config}/{split}-*.parquet"]
    return parts


def files_of(staged: Staged, config: str, split: str) -> Iterable[Path]:
    """Return the files that a config's split is read from."""
    patterns = _parts(staged, config)[split]
    return [path for pattern in patterns for path in sorted(staged.folder.glob(pattern))]


def schema_of(staged: Staged, config: str) -> SchemaNode:
    """Return the JSON Schema of a config's rows."""
    return staged.schemas["default" if config in AUDIO_CLASSES else config]


def _config(staged: Staged, config: str) -> dict[str, object]:
    parts = _parts(staged, config)
    entry: dict[str, object] = {"config_name": config}
    if config == staged.configs[0]:
        entry["default"] = True
    entry["data_files"] = [{"split": split, "path": found} for split, found in parts.items()]
    return entry


def _info(staged: Staged, config: str) -> dict[str, object]:
    splits: list[SplitInfo] = []
    download = 0
    for split, seen in staged.fingerprints[config].items():
        files = list(files_of(staged, config, split))
        download += sum(path.stat().st_size for path in files)
        size = sum(_unpacked(path) for path in files)
        splits.append({"name": split, "num_bytes": size, "num_examples": seen.rows})
    return {
        "config_name": config,
        "features": _fields(features_of(schema_of(staged, config))),
        "splits": splits,
        "download_size": download,
        "dataset_size": sum(split["num_bytes"] for split in splits),
    }


def _unpacked(path: Path) -> int:
    found = pq.read_metadata(path)
    return sum(found.row_group(n).total_byte_size for n in range(found.num_row_groups))


def _fields(features: Mapping[str, HubFeature]) -> list[dict[str, object]]:
    return [{"name": name, **_spelt(feature)} for name, feature in features.items()]


def _spelt(feature: HubFeature) -> dict[str, object]:
    """Return a feature in the card's notation."""
    if isinstance(feature, list):
        item = _spelt(feature[0])
        return {"list": item.get("struct", item.get("dtype"))}
    if not is_leaf(feature):
        return {"struct": _fields(feature)}
    if feature["_type"] == "Audio":
        return {"dtype": {"audio": {"decode": False, "sampling_rate": feature["sampling_rate"]}}}
    return {"dtype": feature["dtype"]}
