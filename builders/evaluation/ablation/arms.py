"""The arms of an ablation: what each of them changes in what a model is told about a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from builders.pipeline.plan import Plan
from builders.pipeline.selection import rank
from builders.record.types import Contrast, Emotions, Target
from builders.tasks.reply.before import ReplyTask

BASE, AGAIN, WRONG = "label_and_voice", "another_seed", "wrong_voice"
# Where the label is hidden, the target is one whose raters did not settle on an emotion: prompt,
# choices, plan and checks are those of such a target, with strategies of all kinds.
_HIDDEN = Emotions("unknown", "unknown", "ambiguous", "unknown")


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm.

    Attributes:
        name: as it is kept and shown.
        what: what the drafting model is told, in a few words.
        label: whether it is told the label.
        voice: whose voice it is told of: ``own``, ``other`` or ``none``.
        draft: the number of the draft, of which only the seed depends.
        planner: whether replies are planned, where the build plans them.
        demonstrations: whether cases are shown, where the build shows them.
    """

    name: str
    what: str
    label: bool = True
    voice: str = "own"
    draft: int = 1
    planner: bool = True
    demonstrations: bool = True


_ALWAYS = (
    Arm(BASE, "label and voice, as in the build"),
    Arm(AGAIN, "the same, with another seed", draft=2),
    Arm("label", "the label alone", voice="none"),
    Arm("voice", "the voice alone", label=False),
    Arm(WRONG, "the label, and the voice of another utterance", voice="other"),
    Arm("neither", "neither label nor voice", label=False, voice="none"),
)
_ALSO = {
    "planner": Arm("no_planner", "label and voice, no plan", planner=False),
    "demonstrations": Arm("no_demonstrations", "label and voice, no cases", demonstrations=False),
}
ALSO = tuple(_ALSO)


def arms_of(plan: Plan, also: Sequence[str] | None = None) -> list[Arm]:
    """Return the arms for a build, the one as it was built first.

    Args:
        plan: the plan of the build.
        also: which of `ALSO` are left out in an arm of their own; None for all that the build has.
    """
    has = {"planner": plan.planner is not None, "demonstrations": plan.demonstrations is not None}
    wanted = [name for name in ALSO if has[name] and (also is None or name in also)]
    return [*_ALWAYS, *(_ALSO[name] for name in wanted)]


def task_of(arm: Arm, plan: Plan) -> ReplyTask:
    """Return what drafts the replies of an arm."""
    changes: dict[str, object] = {"drafts": max(arm.draft, plan.config.drafts)}
    if not arm.planner:
        changes["plan"] = "none"
    shown = plan.demonstrations if arm.demonstrations else None
    of_arm = replace(plan, config=plan.config.model_copy(update=changes), demonstrations=shown)
    return of_arm.drafters[arm.draft - 1].task


def told_in(arm: Arm, target: Target, other: Target | None) -> Target:
    """Return a target as an arm tells of it; `other` is whose voice is told instead of its own."""
    changes: dict[str, object] = {}
    if not arm.label:
        contrast = target.contrast
        hidden = Contrast(contrast.group, None, contrast.twin_of) if contrast else None
        changes |= {"emotions": _HIDDEN, "contrast": hidden}
    if arm.voice != "own":
        heard = other if arm.voice == "other" else None
        changes |= {name: getattr(heard, name, None) for name in ("voice", "clip", "video")}
    # A target is filled in while it is asked about, and each arm has its own.
    return replace(target, **changes)  # type: ignore[arg-type]


def other_voices(targets: Sequence[Target]) -> Mapping[str, Target]:
    """Return whose voice each target is told of in place of its own, by id.

    That of another member of its minimal pair, otherwise of an utterance chosen by hash; always one
    that is described in other words.
    """
    described = sorted((t for t in targets if _words(t)), key=lambda t: rank(t.id))
    groups: dict[str, list[Target]] = {}
    for target in described:
        if target.contrast and target.contrast.group:
            groups.setdefault(target.contrast.group, []).append(target)
    found: dict[str, Target] = {}
    for place, target in enumerate(described):
        group = target.contrast.group if target.contrast else None
        members = [
            t for t in groups.get(group or "", ()) if t.emotions.root != target.emotions.root
        ]
        candidates = (*members, *described[place + 1 :], *described[:place])
        other = next((t for t in candidates if _words(t) != _words(target)), None)
        if other:
            found[target.id] = other
    return found


def _words(target: Target) -> str | None:
    return target.voice.words if target.voice else None
