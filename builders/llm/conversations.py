"""Driving many conversations at once: held answers first, the endpoint for the rest, in order.

Outcomes come out in the order in which targets go in, whatever order the answers arrive in. Two
limits hold memory flat: how many conversations are open, and how many outcomes wait for an earlier
one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Generic, Protocol, TypeVar

from builders.errors import HeartenError
from builders.llm.request import Request, key
from builders.record.types import Drafted, GivenUp, Reject
from builders.store.database import Answer, Store
from builders.tasks.reply.draft import Draft, Round

BLOCK = 64


class Subject(Protocol):
    """What a conversation is about: a target, or a question about a clip or a reply."""

    @property
    def id(self) -> str:
        """Return the id of the sample it belongs to."""
        ...


S = TypeVar("S", bound=Subject)
S_contra = TypeVar("S_contra", bound=Subject, contravariant=True)


class Asks(Protocol[S_contra]):
    """Whoever makes the requests about a subject: the drafter, or plain questions."""

    def first_request(self, target: S_contra, number: int = 0) -> Request:
        """Return the request that opens a round, the first one being 0."""
        ...

    def round(self, target: S_contra, first: Request) -> Round:
        """Return a generator that yields requests, is sent answers, and returns the outcome."""
        ...

    def prompt_version(self, target: S_contra) -> str | None:
        """Return the version of the prompt where it is not the one of all drafts."""
        ...


@dataclass(frozen=True, slots=True)
class Left:
    """No answer could be had: neither a sample nor a reject, and the build is not complete."""

    kind: str
    detail: str


class Model(Protocol):
    """Whoever answers requests: an endpoint or the phrasebook."""

    async def answer(self, request: Request, request_key: str) -> Answer | Left:
        """Return the committed answer, or why there is none."""
        ...

    def stop(self, error: HeartenError) -> None:
        """Ask nothing more: what waits to be sent raises this error."""
        ...


Outcome = Drafted | GivenUp | Left


@dataclass(frozen=True, slots=True)
class Retry:
    """Which targets that were given up are asked about once more: all, or those of some reasons."""

    wanted: bool = False
    kinds: frozenset[str] = frozenset()

    def covers(self, reason: str) -> bool:
        """Return whether a target given up for this reason is to be asked about again."""
        return self.wanted or reason in self.kinds


class Conversation(Generic[S]):
    """What is asked next about one target, and in the end its outcome.

    After a round that was given up, `optional` is true: the next request is made only if its answer
    is held already or a retry is wanted, and `give_up` ends the conversation otherwise.
    """

    def __init__(self, drafter: Asks[S], target: S) -> None:
        self.target = target
        self.outcome: Outcome | None = None
        self.optional = False
        self._drafter = drafter
        self._number = 0
        self._used = 0
        self._given_up: GivenUp | None = None
        self._open(drafter.first_request(target))

    @property
    def reason(self) -> str:
        """Return why the last round was given up, or an empty string."""
        return self._given_up.reason if self._given_up else ""

    @property
    def begun(self) -> bool:
        """Return whether answers were used up, so that what is asked now was not looked up yet."""
        return self._used > 0

    def take(self, answer: Answer) -> None:
        """Go on with the answer to `request`."""
        self.optional = False
        self._used += 1
        try:
            self.request = self._round.send(answer)
            self.key = key(self.request)
        except StopIteration as ended:
            self._end(ended.value)

    def give_up(self) -> None:
        """Make the given-up round the outcome."""
        self.outcome = self._given_up

    def _open(self, first: Request) -> None:
        self._round = self._drafter.round(self.target, first)
        self.request = next(self._round)
        self.key = key(self.request)

    def _end(self, result: Draft | GivenUp) -> None:
        if isinstance(result, Draft):
            self.outcome = Drafted(
                result.reply,
                result.coercions,
                self.key,
                self._used - result.beside,
                self._drafter.prompt_version(self.target),
                self.request.audio_sha256 is not None,
                notes=result.notes,
            )
            return
        self._given_up = result
        self._number += 1
        self.optional = True
        self._open(self._drafter.first_request(self.target, self._number))


class Conversations(Generic[S]):
    """Drafts to a stream of targets, or answers to a stream of questions.

    Args:
        drafter: makes the requests.
        store: where held answers are looked up.
        model: answers what is not held.
        retry: what to ask again.
        open_at_once: how many conversations with the model may be open.
        window: how many outcomes may wait for an earlier one.
    """

    def __init__(
        self,
        drafter: Asks[S],
        store: Store,
        model: Model,
        retry: Retry,
        open_at_once: int = 128,
        window: int = 4096,
    ) -> None:
        self._drafter = drafter
        self._store = store
        self._model = model
        self._retry = retry
        self._room = asyncio.Semaphore(open_at_once)
        self._window = window
        self.stopped: HeartenError | None = None
        self.asked = 0

    def stop(self, error: HeartenError) -> None:
        """Ask nothing more; the first reason given is the one that counts."""
        self.stopped = self.stopped or error
        self._model.stop(self.stopped)

    async def outcomes(
        self, blocks: AsyncIterator[Sequence[S | Reject]]
    ) -> AsyncGenerator[tuple[S, Outcome] | Reject, None]:
        """Yield each target with its outcome, and each reject, in order; ends early once stopped.

        Args:
            blocks: targets and rejects of earlier stages, at most `BLOCK` at a time.
        """
        pending: deque[Conversation[S] | asyncio.Task[Conversation[S]] | Reject] = deque()
        try:
            async for block in blocks:
                for item in self._begin(block):
                    pending.append(await self._continue(item))
                    while pending and (len(pending) >= self._window or _is_done(pending[0])):
                        yield await _result(pending.popleft())
                if self.stopped:
                    break
            while pending:
                yield await _result(pending.popleft())
        finally:
            await _cancel(item for item in pending if isinstance(item, asyncio.Task))

    def _begin(self, block: Sequence[S | Reject]) -> Iterator[Conversation[S] | Reject]:
        """Open conversations and take them as far as held answers go; rejects pass through."""
        opened = [
            item if isinstance(item, Reject) else Conversation(self._drafter, item)
            for item in block
        ]
        held = self._store.held([item.key for item in opened if isinstance(item, Conversation)])
        for item in opened:
            if isinstance(item, Conversation):
                self._replay(item, held.get(item.key))
            yield item

    def _replay(self, conversation: Conversation[S], answer: Answer | None) -> None:
        while answer is not None:
            conversation.take(answer)
            if conversation.outcome is not None:
                return
            answer = self._store.held([conversation.key]).get(conversation.key)
        if conversation.optional and not self._retry.covers(conversation.reason):
            conversation.give_up()

    async def _continue(
        self, conversation: Conversation[S] | Reject
    ) -> Conversation[S] | asyncio.Task[Conversation[S]] | Reject:
        if isinstance(conversation, Reject) or conversation.outcome is not None:
            return conversation
        await self._room.acquire()
        task = asyncio.create_task(self._finish(conversation))
        task.add_done_callback(lambda _: self._room.release())
        return task

    async def _finish(self, conversation: Conversation[S]) -> Conversation[S]:
        """Ask the model until there is an outcome; a retry goes one round further, not more."""
        while conversation.outcome is None:
            answer = await self._ask(conversation)
            if isinstance(answer, Left):
                conversation.outcome = answer
                break
            conversation.take(answer)
            if conversation.optional:
                conversation.give_up()
        return conversation

    async def _ask(self, conversation: Conversation[S]) -> Answer | Left:
        held = self._store.held([conversation.key]) if conversation.begun else {}
        if held:
            return held[conversation.key]
        if self.stopped:
            return Left("stopped", str(self.stopped))
        self.asked += 1
        try:
            return await self._model.answer(conversation.request, conversation.key)
        except HeartenError as error:
            self.stop(error)
            return Left("stopped", str(error))


def _is_done(waiting: Conversation[S] | asyncio.Task[Conversation[S]] | Reject) -> bool:
    return not isinstance(waiting, asyncio.Task) or waiting.done()


async def _cancel(tasks: Iterable[asyncio.Task[Conversation[S]]]) -> None:
    """Cancel what nobody waits for any more; there is something only after an error."""
    cancelled = [task for task in tasks if task.cancel()]
    await asyncio.gather(*cancelled, return_exceptions=True)


async def _result(
    waiting: Conversation[S] | asyncio.Task[Conversation[S]] | Reject,
) -> tuple[S, Outcome] | Reject:
    if isinstance(waiting, Reject):
        return waiting
    conversation = waiting if isinstance(waiting, Conversation) else await waiting
    if conversation.outcome is None:
        raise RuntimeError(f"the conversation about {conversation.target.id} has no outcome")
    return conversation.target, conversation.outcome


async def blocks_of(
    items: Iterator[S | Reject], *, in_thread: bool
) -> AsyncIterator[list[S | Reject]]:
    """Yield targets and rejects in blocks; `in_thread` frees the loop while clips are decoded."""
    while True:
        take: Callable[[], list[S | Reject]] = partial(_take, items)
        block = await asyncio.to_thread(take) if in_thread else take()
        if not block:
            return
        yield block


def _take(items: Iterator[S | Reject]) -> list[S | Reject]:
    return list(islice(items, BLOCK))
