"""Checks of the set: what no single reply shows, as that all of them begin in the same way.

A measure of the replies stands beside the same measure of what people really said next, in the
same corpus, after utterances of the same coarse emotion, at like length and in equal number. The
set is out where it lies beyond the interval of people's measure, on the side that is worse. The
measures and the sentences are in `label_maps/reply/_set_checks.tsv`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from builders.record.manifest_views import SetCheck


def check_set(paths: Sequence[Path], out: Collection[str] = ()) -> list[SetCheck]:
    """Return each measure of the replies of Parquet files, without the samples of these ids.

    Raises:
        VerificationError: a file cannot be read.
    """
    from builders.report.set_checks import comparing, reading

    return comparing.compare(reading.replies(paths, out))
