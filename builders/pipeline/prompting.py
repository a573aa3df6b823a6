"""The prompts of a build before it is built: its first requests, made as the build makes them.

Nothing is asked of anybody. What a model tells before a reply is drafted (a plan, a caption, what
happened before) is in the prompt where it is cached; where it is not, its own request is yielded
first, and the request for the reply is the one that would be sent if nothing came of that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from builders.audio.analysis import Hearing
from builders.errors import UsageError, nearest
from builders.llm.request import Request, key
from builders.pipeline.plan import Plan, make_plan
from builders.pipeline.routing import sent_on
from builders.record.held import Held
from builders.record.manifest import Ledger
from builders.record.types import Dialogue, Reject, Target, Utterance
from builders.settings import BuildConfig
from builders.store.address import store_exists
from builders.store.database import Store
from builders.tasks.reply.before import BeforeReply

REPLY = "reply"

# By why an utterance is not chosen, what makes it a target; by any other code it is not worth one.
_DO = {
    "not_a_target_turn": "choose another id: the corpus has this one as context alone",
    "unmapped_on_purpose": "choose another id: its label names no emotion",
    "emotion": "leave out --emotion, or choose another id",
    "exclude_emotion": "leave out --exclude-emotion, or choose another id",
    "ambiguous": "leave out --no-ambiguous, or choose another id",
    "no_agreement": "leave out --known-agreement, or choose another id",
    "min_agreement": "leave out --min-agreement, or choose another id",
    "min_words": "leave out --min-words, or choose another id",
    "max_per_emotion": "leave out --max-per-emotion, or choose another id",
    "balance": "leave out --balance, or choose another id",
    "limit": "choose an id of the build",
}


@dataclass(frozen=True, slots=True)
class FirstRequest:
    """A request that a build would send, whether its answer is cached, and what it asks for.

    `asks` is `reply`, or what is asked before it: `summary`, `caption`, `plan`. `draft` is the
    number of the draft among those of one model. `before` names what is still to be asked first, on
    whose answers the prompt for the reply depends.
    """

    asks: str
    request: Request
    draft: int = 1
    before: tuple[str, ...] = ()
    cached: bool = False

    @property
    def key(self) -> str:
        """Return the key under which the store keeps its answer."""
        return key(self.request)


def first_requests(config: BuildConfig, name: str | None = None) -> Iterator[FirstRequest]:
    """Yield the first requests about the targets of a build, in order of the corpus.

    Of a build that is drafted again, only those that are not answered yet.

    Args:
        config: the build.
        name: the id of the only target that is wanted.

    Raises:
        UsageError: no target has that id; the message says what became of it.
        HeartenError: as `make_plan` does.
    """
    plan = make_plan(config)
    store = Store(config.store_url, writes=False) if store_exists(config.store_url) else None
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            plan.listening(Path(folder), quiet=False) as hearing,
        ):
            making = _Making(plan, store)
            for target in _wanted(plan, hearing, name):
                found = [*making.requests(target)]
                if name or not (config.redraft and all(one.cached for one in found)):
                    yield from found
    finally:
        if store:
            store.close()


class _Making:
    """Makes the requests of a plan, whose tasks it makes once."""

    def __init__(self, plan: Plan, store: Store | None) -> None:
        self._store = store
        named = (("summary", plan.summarised), ("caption", plan.captioned), ("plan", plan.replying))
        self._before = [(name, one) for name, one in named if isinstance(one, BeforeReply)]
        drafts = plan.config.drafts
        self._drafters = [
            (number % drafts + 1, drafter)
            for number, (_, drafter) in enumerate(plan.plain_drafters)
        ]

    def requests(self, target: Target) -> Iterator[FirstRequest]:
        open_: list[str] = []
        for name, task in self._before:
            for request in task.settled([target], self._store):
                open_.append(name)
                yield FirstRequest(name, request)
        for draft, drafter in self._drafters:
            request = drafter.first_request(target)
            held = bool(self._store and self._store.held([key(request)]))
            yield FirstRequest(REPLY, request, draft, tuple(open_), held)


def _wanted(plan: Plan, hearing: Hearing | None, name: str | None) -> Iterator[Target]:
    """Yield the targets, or the one of an id."""
    seen: list[str] = []
    for item in sent_on(plan.targets(Ledger(), hearing), {}):
        if name is None:
            if isinstance(item, Target):
                yield item
        elif item.id != name:
            seen.append(item.id)
        elif isinstance(item, Target):
            yield item
            return
        else:
            raise _not_asked(item)
    if name is not None:
        raise _not_chosen(plan, name, seen)


def _not_chosen(plan: Plan, name: str, seen: list[str]) -> UsageError:
    """Return the error for an id that no target has: why not, or else which is near."""
    corpus = plan.corpus
    if corpus.rules.exclusions.covers(name):
        why = "somebody asked that it be left out"
        return UsageError(f"nothing is asked about {name}: {why}", do="choose another id")
    for utterance in _utterances(plan):
        if utterance.id == name:
            code = plan.survey.selection.against(utterance, corpus.labelling.emotions(utterance))
            return UsageError(
                f"nothing is asked about {name}: it is not chosen ({code})",
                do=_DO.get(str(code), "add --no-reply-worthy, or choose another id"),
            )
        seen.append(utterance.id)
    near = nearest(name, seen)
    return UsageError(
        f"no target is {name}",
        where=plan.config.source,
        expected="the id of an utterance that is chosen for a reply",
        do=f"did you mean {near}?" if near else "leave the id out to see some",
    )


def _utterances(plan: Plan) -> Iterator[Utterance]:
    reader = plan.corpus.reader
    for item in chain.from_iterable(map(plan.corpus.read, reader.splits)):
        yield from item.utterances if isinstance(item, Dialogue) else ()


def _not_asked(item: Reject) -> UsageError:
    held = isinstance(item, Held)
    why = "held for people" if held else f"rejected before ({item.reason}: {item.detail})"
    return UsageError(f"nothing is asked about {item.id}: it is {why}", do="choose another id")
