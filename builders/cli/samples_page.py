"""A page of samples with players: one file, which loads nothing from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path

import jinja2

from builders.cli.sample_lines import said_rows, title
from builders.record.dataset import Build
from builders.record.folder import writable
from builders.record.places import SamplePlace
from builders.record.views import SampleRecord

_CLIPS = (("audio", "says"), ("reply_audio", "reply"))


def write_page(
    path: Path, build: Build, samples: Iterable[tuple[SamplePlace, SampleRecord]]
) -> int:
    """Write samples as a page, each with its clips, and return how many there are.

    Args:
        path: the file.
        build: the build, whose clips are read.
        samples: with their places.

    Raises:
        OutputError: the file cannot be written.
    """
    told = [_told(build, place, record) for place, record in samples]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("samples.html.j2").render(name=build.name, samples=told)
    with writable(path, "--html"):
        path.write_text(page, encoding="utf-8")
    return len(told)


def _told(build: Build, place: SamplePlace, record: SampleRecord) -> dict[str, object]:
    """Return a sample as the template takes it."""
    clips = {row: build.clip(place.shard, place.row, column) for column, row in _CLIPS}
    return {
        "title": title(record),
        "rows": [(name, text) for name, text in said_rows(record, whole=True)],
        "clips": {row: b64encode(clip).decode() for row, clip in clips.items() if clip},
    }
