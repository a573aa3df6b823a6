"""The pool: sends requests to one or more servers of the same model, whatever is asked of it.

A slot is held while a request is under way and until its answer is handed over, never while waiting
to try again. Being told "too many" uses up no attempt, and makes an endpoint pause when it goes on;
failures that pass are tried again a few times; when nothing at all succeeds for long, the build
stops and can be resumed. Of several servers, one that is of no use is set aside and tried again.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from builders.errors import EndpointError, HeartenError, StoppedEarly
from builders.llm.explaining import every_request, fatal, no_contact, no_model
from builders.llm.failures import PASSING, Failure
from builders.llm.providers import Provider
from builders.llm.refusals import is_refusal, lasting
from builders.llm.standing import Standing, Tries

ATTEMPTS = 5
_FIRST_CONTACT_ATTEMPTS = 3
# Seconds: no wait is longer, whatever a server asks; one while a model loads is shorter.
_LONGEST_WAIT, _LOADING_WAIT = 600.0, 10.0
# Statuses of a server that will answer soon: a model loads, all workers are busy.
_NOT_YET = frozenset({503, 529})
# What is wrong with a prompt at one server may be right at another, which has more room for it.
_THIS_PROMPT = frozenset({"context_length", "content_filter", "bad_request"})
# Before the first success they are about the key, the address or the model.
_FATAL_AT_FIRST = frozenset({"forbidden", "wrong_address", "model_not_found"})
# A refused prompt is asked once more; until another has succeeded, nothing follows from it.
_REFUSED_TWICE = 2
# So many that are refused before the first success: all will be, whatever the words are.
_ENOUGH_REFUSED = 20
# So many prompts that one server refused and another took: leave it out for a while.
_OUTDONE = 3
# So many lost connections, or other failures, in a row at one of several servers: likewise.
_LOST, _FAILED = 3, 8
# Seconds for which a server is set aside, the first time and at most.
_FIRST_ASIDE, _LONGEST_ASIDE = 10.0, 300.0

Sent = TypeVar("Sent")
Answered = TypeVar("Answered")
Delivered = TypeVar("Delivered")


def warn(line: str) -> None:
    """Tell the user of something that a build goes on without."""
    print(f"warning: {line}", file=sys.stderr, flush=True)


class Pool(Generic[Sent, Answered]):
    """Sends requests to one or more servers that serve the same model.

    Args:
        endpoints: where to send.
        patience: seconds without any success after which the build is stopped.
        attempted: told of each attempt that failed: request, failure, endpoint, seconds.
        say: tells the user what is set aside.
    """

    def __init__(
        self,
        endpoints: Sequence[Provider[Sent, Answered]],
        patience: float,
        attempted: Callable[[Sent, Failure, str, float], Awaitable[None]],
        say: Callable[[str], None] = warn,
    ) -> None:
        self._standings = [Standing(endpoint) for endpoint in endpoints]
        self._patience = patience
        self._attempted = attempted
        self._say = say
        self._succeeded = 0
        self._stopped: HeartenError | None = None
        self._stopping = asyncio.Event()
        self._open = 0
        self._idle_since = 0.0
        self._refused = 0  # of the open ones
        self._unproved = 0  # given up before anything had succeeded

    @property
    def at_once(self) -> int:
        """Return how many requests may be in flight at all endpoints together."""
        return sum(standing.endpoint.limit.limit for standing in self._standings)

    async def complete(
        self, request: Sent, deliver: Callable[[Answered], Awaitable[Delivered]]
    ) -> Delivered:
        """Return what `deliver` makes of the answer; it is awaited before the slot is given back.

        Raises:
            Failure: this request cannot be answered, or not in several attempts.
            StoppedEarly: the quota is exhausted, or nothing has succeeded for too long.
            EndpointError: the endpoint can answer no request as things are.
        """
        if not self._open:
            self._idle_since = time.monotonic()
        self._open += 1
        tries: Tries[Sent, Answered] = Tries()
        try:
            return await self._complete(request, deliver, tries)
        finally:
            self._open -= 1
            self._refused -= tries.refused.times > 0

    def stop(self, error: HeartenError) -> None:
        """Send nothing more: whoever waits for a slot or to try again gets this error."""
        self._stopped = self._stopped or error
        self._stopping.set()
        for standing in self._standings:
            standing.endpoint.limit.send_away()

    async def close(self) -> None:
        """Close every endpoint's connections."""
        for standing in self._standings:
            await standing.endpoint.close()

    async def _complete(
        self,
        request: Sent,
        deliver: Callable[[Answered], Awaitable[Delivered]],
        tries: Tries[Sent, Answered],
    ) -> Delivered:
        while True:
            if self._stopped:
                raise self._stopped
            standing = self._chosen(tries)
            endpoint = standing.endpoint
            if not await endpoint.limit.acquire():
                continue
            sent = time.monotonic()
            try:
                if self._stopped:
                    raise self._stopped
                completion = await endpoint.complete(request)
                self._note_success(request, standing, tries)
                delivered = await deliver(completion)
                # Only now, so that a slow store is seen as well and gets no more at once either.
                endpoint.limit.answered(sent)
                return delivered
            except Failure as caught:
                failure = caught
            except EndpointError as error:
                if not self._set_aside(standing, error, sent):
                    raise
                continue
            finally:
                endpoint.limit.release(sent)
            if not failure.of_probe:
                await self._attempted(request, failure, endpoint.name, time.monotonic() - sent)
                await self._note_refusal(request, failure, standing, sent, tries)
            tries.failed_at = standing
            await self._pause(await self._wait(failure, standing, sent, tries))

    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt, unless there will be none."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)

    def _chosen(self, tries: Tries[Sent, Answered]) -> Standing[Sent, Answered]:
        """Return the endpoint with the most room, if possible another than where it failed."""
        if len(self._standings) == 1:
            return self._standings[0]
        return max(
            self._standings,
            key=lambda s: (
                s not in tries.useless,
                s.due,
                s.aside is None,
                s is not tries.failed_at,
                s.endpoint.limit.room,
            ),
        )

    def _note_success(
        self, request: Sent, standing: Standing[Sent, Answered], tries: Tries[Sent, Answered]
    ) -> None:
        self._succeeded += 1
        standing.control.good = request
        standing.succeeded += 1
        self._idle_since = standing.latest = time.monotonic()
        standing.lost = 0
        if standing.aside:
            standing.aside, standing.rests, standing.outdone = None, 0, 0
            self._say(f"{standing.endpoint.name} answers again")
        for other, is_news in tries.useless.items():
            other.outdone += is_news
            if other.outdone >= _OUTDONE and other.aside is None:
                why = "it refuses prompts that other endpoints take"
                self._set_aside(
                    other, EndpointError(why, where=other.endpoint.name), standing.latest
                )

    async def _wait(
        self,
        failure: Failure,
        standing: Standing[Sent, Answered],
        sent: float,
        tries: Tries[Sent, Answered],
    ) -> float:
        """Return the seconds to wait before the next attempt, or raise what ends them."""
        if failure.kind in _THIS_PROMPT and self._elsewhere(standing, sent, tries):
            self._is_lost(failure, standing, sent)
            return 0.0
        if not tries.refused.waits and (final := await self._final(failure, standing, tries)):
            if self._set_aside(standing, final, sent):
                return 0.0
            raise final from failure
        if self._is_lost(failure, standing, sent):
            return 0.0
        idle = time.monotonic() - self._idle_since
        longest = min(_LONGEST_WAIT, max(0.1, self._patience - idle))
        pauses = self._slow_down(failure, standing, sent, longest)
        passing = failure.kind in PASSING
        # What a question of ours met says nothing of the request.
        ours = failure.of_probe and failure.kind != "connection"
        waits = failure.kind == "rate_limited" or (passing and (pauses or ours))
        waits = waits or tries.refused.waits
        tries.refusals += waits
        tries.attempts += not waits
        if not waits and (not passing or tries.attempts >= ATTEMPTS):
            raise failure
        if idle > self._patience:
            raise StoppedEarly(
                f"nothing has succeeded for {idle:.0f} s ({failure.detail})",
                where=standing.endpoint.name,
                do="every answer so far is kept; run the same command again when it answers",
            ) from failure
        if pauses:
            return 0.0  # the endpoint's own pause is waited for in its queue
        backoff = 0.5 * 2 ** min(tries.attempts + tries.refusals, 7) * random.uniform(0.5, 1.0)  # noqa: S311
        # A Retry-After of 0 is no leave to ask without end.
        wanted = failure.retry_after or 0.0
        return min(max(wanted, backoff if tries.refusals else wanted or backoff), longest)

    async def _note_refusal(
        self,
        request: Sent,
        failure: Failure,
        standing: Standing[Sent, Answered],
        sent: float,
        tries: Tries[Sent, Answered],
    ) -> None:
        """Note a refusal, and say to what it belongs once that is known: the request, or all.

        Raises:
            Failure: the request is refused for good.
            HeartenError: every request is.
        """
        refused, endpoint = tries.refused, standing.endpoint
        refused.waits = False
        answers = standing.succeeded > 0 or await endpoint.answered_before()
        if not is_refusal(failure) or (failure.kind in _FATAL_AT_FIRST and not answers):
            return
        self._refused += refused.times == 0
        refused.note(failure, self._succeeded)
        if len(self._standings) > 1 and self._elsewhere(standing, sent, tries):
            return
        enough = ATTEMPTS if failure.kind in PASSING else _REFUSED_TWICE
        refused.waits = failure.kind not in PASSING
        if refused.times < enough:
            return
        proved = answers and self._succeeded > refused.succeeded
        # Others that are under way may still succeed.
        if not proved and not answers and (not refused.waits or self._refused < self._open):
            return
        if proved or await standing.control.answered(endpoint, request, refused.since):
            raise self._of_request(failure, endpoint, answers) from failure
        raise every_request(failure, endpoint, answers) from failure

    def _of_request(
        self, failure: Failure, endpoint: Provider[Sent, Answered], answers: bool
    ) -> Failure | HeartenError:
        """Return what a refusal is that is about the request: for good once others succeeded."""
        if answers:
            return lasting(failure)
        self._unproved += 1
        if self._unproved >= _ENOUGH_REFUSED:
            return every_request(failure, endpoint, False)
        return failure

    def _slow_down(
        self,
        failure: Failure,
        standing: Standing[Sent, Answered],
        sent: float,
        longest: float,
    ) -> bool:
        """Tell the endpoint's limit of a failure; return whether the endpoint pauses for it."""
        limit, wanted = standing.endpoint.limit, failure.retry_after
        if failure.kind == "rate_limited":
            pauses = limit.refused(sent, wanted, longest)
        elif failure.status in _NOT_YET:
            pauses = limit.refused(sent, wanted, min(longest, _LOADING_WAIT), busy=False)
        else:
            if failure.kind == "timeout":
                limit.lower(sent)
            return False
        if pauses and len(self._standings) > 1:
            limit.send_away()
        return pauses

    def _elsewhere(
        self, standing: Standing[Sent, Answered], sent: float, tries: Tries[Sent, Answered]
    ) -> bool:
        """Return whether another endpoint is left that may take the prompt."""
        tries.useless.setdefault(standing, sent >= standing.latest)
        return any(s.aside is None for s in self._standings if s not in tries.useless)

    def _set_aside(
        self, standing: Standing[Sent, Answered], why: HeartenError, sent: float
    ) -> bool:
        """Leave an endpoint out for a while, if another is left; say so when it is news.

        What a request met that was sent before the latest answer is no news: that answer may have
        ended the very trouble. Others of its time may still be on their way.
        """
        if not any(s.aside is None for s in self._standings if s is not standing):
            return False
        if sent < standing.latest:
            return True
        if standing.aside is None:
            self._say(f"{why}; set aside and tried again later, the other endpoints go on")
        if not standing.endpoint.limit.paused:
            seconds = min(_LONGEST_ASIDE, _FIRST_ASIDE * 2**standing.rests)
            standing.endpoint.limit.pause(seconds)
            standing.rests += 1
        standing.aside = why
        standing.endpoint.limit.send_away()
        return True

    def _is_lost(self, failure: Failure, standing: Standing[Sent, Answered], sent: float) -> bool:
        """Return whether one of several endpoints was set aside because nothing comes from it."""
        if sent < standing.latest:
            return False
        counts = failure.kind in PASSING or failure.kind in _THIS_PROMPT
        standing.lost = standing.lost + 1 if counts else 0
        if standing.lost < (_LOST if failure.kind == "connection" else _FAILED):
            return False
        if failure.kind == "connection":
            return self._set_aside(standing, no_contact(failure, standing.endpoint), sent)
        why = f"{standing.lost} requests failed in a row ({failure.detail})"
        return self._set_aside(standing, EndpointError(why, where=standing.endpoint.name), sent)

    async def _final(
        self,
        failure: Failure,
        standing: Standing[Sent, Answered],
        tries: Tries[Sent, Answered],
    ) -> HeartenError | None:
        """Return the error for a failure that every request would meet, or None."""
        endpoint = standing.endpoint
        if failure.kind == "model_not_found":
            return no_model(endpoint, await endpoint.models())
        tried_enough = tries.attempts >= _FIRST_CONTACT_ATTEMPTS - 1 and not self._succeeded
        if failure.kind == "connection" and tried_enough:
            return no_contact(failure, endpoint)
        return fatal(failure, endpoint, standing.succeeded > 0)
