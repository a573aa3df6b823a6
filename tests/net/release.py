"""What release 0.1 left on disk, unpacked for tests; release_0_1/make.py says what is in it."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "release_0_1"


def unpacked(folder: Path) -> Path:
    """Unpack the archive into a folder; return the folder of builds, with their store beside them.

    `meld` and `crema_d` are finished, `meld@2` has other drafts of five targets of `meld`, `spoken`
    was given a voice, `unfinished` was killed. People decided about `meld` and compared it with
    `meld@2`; a judge judged `crema_d`.
    """
    with tarfile.open(HERE / "output.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "output"


def what() -> dict[str, Any]:
    """Return what the archive holds.

    rows         how many rows each table of the store has
    builds       by name, the command each was made with; {url} is the endpoint's address
    made_again   by name, what that command costs on a copy: requests sent, and answers that are new
    answers      the request keys of all answers held
    """
    return dict(json.loads((HERE / "what.json").read_text("utf-8")))
