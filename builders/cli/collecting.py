"""How often the collector of cycles looks while a build runs."""

from __future__ import annotations

import gc


def tune_collector() -> None:
    """Let the collector of cycles look seldom: it takes a tenth of the time.

    Importing leaves no cycles behind, and a stream few.
    """
    gc.set_threshold(20_000, 20, 50)
