"""What is known around a target, as the checks of its reply are given it."""

from __future__ import annotations

from dataclasses import dataclass

from builders.record.types import Target
from builders.tasks.reply.checks.candidate import ASSISTANT, Recited, Scene


@dataclass(frozen=True, slots=True)
class Setting:
    """What all replies of a build have in common for their checks; see `Scene`."""

    persona: str = ASSISTANT
    language: str = "en"
    recited: Recited | None = None

    def scene(self, target: Target, shown: tuple[str, ...] = ()) -> Scene:
        """Return what a reply to a target is checked beside; `shown` are the prompt's examples."""
        said = [turn.utterance for turn in target.turns]
        before = [turn.utterance for turn in target.before]
        names = (one.speaker for one in (*before, *said, target.utterance, target.reference) if one)
        told = (target.background, target.summary.text if target.summary else None)
        reference = (target.reference.text,) if target.reference else ()
        return Scene(
            utterance=target.utterance.text,
            turns=tuple(one.text for one in said),
            background=" ".join(filter(None, told)) or None,
            names=tuple(dict.fromkeys(name for name in names if name)),
            persona=self.persona,
            language=self.language.partition("-")[0].lower(),  # en for en-AU
            later=reference,
            recited=self.recited,
            shown=shown,
        )
