"""Checks of the whole set: properties no single reply shows, such as equal openings.

A measure of the replies is compared with the same measure of people's next turns, in the
same corpus, after utterances of the same coarse emotion, with similar length and in equal number. A
set fails if it is outside the interval of people's measure, on the worse side. The
measures and their sentences are in `label_maps/reply/_set_checks.tsv`.
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
