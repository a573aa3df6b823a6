"""The check of replies for what no reply may say to anybody, whatever the utterance."""

from __future__ import annotations

from collections.abc import Iterator

from builders.safety.routing import refused_in_reply
from builders.tasks.reply.checks.candidate import Candidate, Hit, check
from builders.tasks.reply.checks.form import language_of


@check("found")
def unsafe(candidate: Candidate) -> Iterator[Hit]:
    """Find what urges or eases death or harm, or speaks of it as the speaker's own wish."""
    for found in refused_in_reply(candidate.text, language_of(candidate)):
        said = candidate.text[found.start : found.end]
        yield Hit({"found": repr(said)}, None, found.start, found.end)
        return
