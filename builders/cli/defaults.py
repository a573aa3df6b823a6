"""Settings of `build` whose default depends on others; a build that was begun goes on as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builders.cli.build_options import BuildOptions
from builders.record.folder import read_json
from builders.resources import demonstrations_in
from builders.settings import NO_CASES, OURS

# Who plans the replies of a model where nobody says it.
PLANNED_BY = "hash"


def with_defaults(given: BuildOptions, name: str, language: str) -> BuildOptions:
    """Return the options with the choices that were not made.

    Args:
        given: the options by name.
        name: that of the build's folder.
        language: that of the corpus; there may be no cases of ours in it.
    """
    begun = _begun(given, name)
    # The phrasebook and version 1 of the prompt know neither plans nor cases of ours.
    drafts = bool(given["model"]) and given["prompt_version"] != 1
    cases = OURS if drafts and demonstrations_in(language).is_dir() else NO_CASES
    found: dict[str, Any] = {
        "reply_worthy": given["persona"] == "assistant" and not given["sample"],
        "plan": PLANNED_BY if drafts else "none",
        "demonstrations": cases,
    }
    if begun is not None:
        found["reply_worthy"] = bool(begun.get("reply_worthy", False))
        found["plan"] = begun.get("plan", "none")
        found["demonstrations"] = begun.get("demonstrations") or NO_CASES
    chosen = BuildOptions(**given)
    for option, value in found.items():
        if given.get(option) is None:
            chosen[option] = value  # type: ignore[literal-required]
    if chosen["demonstrations"] == NO_CASES:
        chosen["demonstrations"] = None
    return chosen


def _begun(given: BuildOptions, name: str) -> Mapping[str, Any] | None:
    path = given["output"] / name / "config.json"
    return read_json(path) if path.is_file() and given["resume"] != "never" else None
