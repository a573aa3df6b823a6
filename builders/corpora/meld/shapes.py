"""Other shapes of MELD: mirrors with clips in their files, and the files of MELD Dyadic."""

from __future__ import annotations

import re
from pathlib import Path

from builders.corpora.files import visible, whole_number
from builders.corpora.hub_mirrors import Mirror
from builders.errors import SourceError
from builders.record.types import Media

IDS = ("Dialogue_ID", "Utterance_ID")
CLIP = re.compile(r"(final_videos_test)?(dia\d+_utt\d+)", re.ASCII)


def clips_inside(mirror: Mirror, split: str) -> dict[str, Media]:
    """Return the clips inside the files of a mirror; SourceError where names and ids disagree."""
    found: dict[str, Media] = {}
    for ids, name, media in mirror.clips(split, IDS):
        dialogue, utterance = map(whole_number, ids)
        clip = f"dia{dialogue}_utt{utterance}"
        told = CLIP.fullmatch(name.rpartition("/")[2].rpartition(".")[0])
        if told and told[2] != clip:
            raise SourceError(
                f"a row of this mirror of MELD is {clip}, and its clip is named {name}",
                where=f"{media.path}, row {(media.row or 0) + 1}",
                expected="a clip of the utterance that the row has",
                do="read its words with --text-only, or get the owner's MELD.Raw.tar.gz",
            )
        found.setdefault(clip, media)
    return found


def dyadic(root: Path) -> SourceError | None:
    """Return the error for a folder of MELD Dyadic's files; None where it is none."""
    if not (found := visible(root, "*_sent_emo_dya.csv")):
        return None
    return SourceError(
        f"{', '.join(path.name for path in found)}: this is MELD Dyadic, whose dialogues are cut "
        "from MELD's and use turns several times",
        where=root,
        expected="MELD's own train_sent_emo.csv, dev_sent_emo.csv and test_sent_emo.csv",
        do="put them there; they are in data/MELD of https://github.com/declare-lab/MELD; or read "
        "these as a corpus of their own, which `hearten corpora` names",
    )
