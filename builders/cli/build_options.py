"""The options of `build` that are looked at together, by name."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict


class BuildOptions(TypedDict, total=False):
    """What `build` was told. The options that are not named here become settings as they are."""

    corpus: str
    source: Path | None
    sample: bool
    name: str | None
    split: list[str] | None
    text_only: bool
    follow_links: bool
    min_agreement: float | None
    known_agreement: bool
    reply_worthy: bool | None
    replace_names: bool
    persona: str
    output: Path
    resume: str
    label_view: str | None
    model: list[str] | None
    drafts: int
    estimate: bool
    redraft: str | None
    judge_model: str | None
    after_judge: str | None
    hear: bool
    demonstrations: str | None
    background: str
    real_names: bool
    prompt_version: int
    plan: str | None
    tag_model: str | None
    route_model: str | None
    moderation: str | None
    demonstrations_by: str
    see: bool
    i_may_send: list[str] | None
    caption_model: str | None
    caption_base_url: list[str] | None
    speak: bool
    speak_replies: bool
    tts: str | None
    show: int | None
    settings_profile: str | None
    as_json: bool
