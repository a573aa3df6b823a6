"""The provider for OpenAI-compatible ``/chat/completions``: one answer for one request.

`body` writes requests, `answer` reads completions, `probe` finds out what a server understands;
errors are those of all servers of this kind (`openai_http`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import replace

from builders.llm.concurrency import AdaptiveLimit
from builders.llm.failures import Failure
from builders.llm.probes import Probes
from builders.llm.providers import Completion, Help, Memory
from builders.llm.providers.openai_chat.answer import completion
from builders.llm.providers.openai_chat.body import MODES, ChatCapabilities, body
from builders.llm.providers.openai_chat.probe import (
    NOT_UNDERSTOOD,
    find_audio,
    find_mode,
    questions_like,
    send_without,
)
from builders.llm.providers.openai_http import (
    ADDRESS_FORM,
    UNKNOWN_FORM,
    OpenAIServer,
    classify,
)
from builders.llm.request import Request
from builders.llm.settings import KEY_VARIABLES
from builders.llm.transport import Transport

CHAT = "/chat/completions"
# Words of a complaint about the form of a request and not about what it says.
_OF_FORM = ("schema", "response_format", "grammar", "json", "tool", "structured", "guided", "state")
# So many answers in a weaker mode, and it is the one for all; so many that none helped, and only
# complaints about the form are worth a trial.
_ENOUGH, _IN_VAIN = 3, 8
_NO_MODE = "none"


class ChatServer(OpenAIServer):
    """One server for chat completions; see `OpenAIServer` for its arguments.

    `probes` is told of questions of our own, and lets no other build ask at the same time. `keys`
    are the variables that may hold its key; `leave_out` the sampling values that are not
    sent to it.
    """

    def __init__(  # noqa: PLR0913 - one argument for each part
        self,
        base_url: str,
        model: str,
        transport: Transport,
        limit: AdaptiveLimit,
        memory: Memory,
        keys: Sequence[str] = KEY_VARIABLES,
        leave_out: Sequence[str] = (),
        probes: Probes | None = None,
    ) -> None:
        told = Help(CHAT, ADDRESS_FORM, "--base-url", "--model", " or ".join(keys))
        super().__init__(base_url, model, transport, limit, memory, told)
        self._understood: ChatCapabilities | None = None
        self._probed = False
        self._failed: tuple[float, Failure] | None = None
        self._leave_out = tuple(leave_out)
        self._probes = probes
        self._in_weaker: Counter[str] = Counter()

    async def complete(self, request: Request) -> Completion:
        """Send a request once, in the form the server understands; raises `Failure`."""
        hears = request.audio is not None
        while True:
            used = self._understood or await self._understanding(request)
            if hears and used.audio is None:
                used = await self._hearing(used)
            if request.video and used.video is None:
                used = await self._seeing(used)
            try:
                understood, answered = await send_without(request, used, self._send)
            except Failure as failure:
                if failure.kind not in NOT_UNDERSTOOD or failure.status not in UNKNOWN_FORM:
                    raise
                if await self._relearn(used, request):
                    continue
                return await self._in_weaker_mode(request, used, failure)
            if understood != used:
                await self._settle_for(used, understood)
            return answered

    async def check(self, like: Request) -> bool:
        """Return whether a question of ours, as long as a request, is answered in its form now."""
        for asked in questions_like(like):
            try:
                await self._ask(asked, self._understood or ChatCapabilities())
            except Failure as failure:
                # A shorter one would be answered, and show nothing.
                if failure.kind == "context_length":
                    return False
            else:
                return True
        return False

    async def _send(self, request: Request, understood: ChatCapabilities) -> Completion:
        started = time.monotonic()
        without = {*understood.without, *self._leave_out}
        sent = body(request, replace(understood, without=tuple(without)))
        status, headers, content = await self._transport.send(CHAT, sent)
        if status != 200:
            raise classify(status, headers, content)
        seconds = time.monotonic() - started
        return completion(content, understood.mode, seconds, self.name)

    async def _ask(self, question: Request, understood: ChatCapabilities) -> Completion:
        """Send a question of our own."""
        answered = await self._send(question, understood)
        if self._probes:
            await self._probes.note(question, answered)
        return answered

    async def _understanding(self, request: Request) -> ChatCapabilities:
        async with self._probing():
            if self._understood is None:
                remembered = self._memory.remembered_dialect(self.name, self.model)
                if remembered:
                    self._understood = ChatCapabilities.loads(remembered)
                    return self._understood
                await self._probe(request)
            return self._understood or ChatCapabilities()

    async def _hearing(self, used: ChatCapabilities) -> ChatCapabilities:
        """Return what is understood of clips as well."""
        async with self._probing():
            understood = self._recalled(self._understood or used)
            if understood.audio is None:
                understood = await find_audio(self.model, understood, self._ask)
                self._learn(understood)
            return understood

    def _recalled(self, used: ChatCapabilities) -> ChatCapabilities:
        """Return what is understood of clips too where another build has found that out."""
        known = self._memory.remembered_dialect(self.name, self.model)
        found = ChatCapabilities.loads(known) if known else used
        if found.mode != used.mode or (found.audio, found.video) == (used.audio, used.video):
            return used
        self._understood = replace(used, audio=found.audio, video=found.video)
        return self._understood

    async def _seeing(self, used: ChatCapabilities) -> ChatCapabilities:
        """Return what is understood of clips with their picture as well."""

        async def ask(request: Request, understood: ChatCapabilities) -> str:
            return (await self._ask(request, understood)).text

        # Here, as it makes a video: few ask for that.
        from builders.llm.providers.openai_chat.video import find_video

        async with self._probing():
            understood = self._recalled(self._understood or used)
            if understood.video is None:
                understood = await find_video(self.model, understood, ask)
                self._learn(understood)
            return understood

    @asynccontextmanager
    async def _probing(self) -> AsyncIterator[None]:
        """Let one find out at a time; a failure is the answer to all who waited for it."""
        came = time.monotonic()
        shared = self._probes.alone(self.name, self.model) if self._probes else nullcontext()
        async with self._lock:
            if self._failed and self._failed[0] >= came:
                raise self._failed[1]
            try:
                async with shared:
                    yield
            except Failure as failure:
                failure.of_probe = True
                self._failed = time.monotonic(), failure
                raise

    async def _relearn(self, used: ChatCapabilities, request: Request) -> bool:
        """Learn all anew after a refusal, if it was remembered; return whether that changed it."""
        async with self._probing():
            if self._understood != used:
                return True
            if self._probed:
                return False
            await self._probe(request)
            return self._understood != used

    async def _in_weaker_mode(
        self, request: Request, used: ChatCapabilities, refused: Failure
    ) -> Completion:
        """Send a request in the modes after the one in which it was refused.

        Raises:
            Failure: the refusal, where no mode brings an answer.
        """
        of_form = any(words in refused.detail.lower() for words in _OF_FORM)
        likely = refused.kind == "bad_request" and self._in_weaker[_NO_MODE] < _IN_VAIN
        if not (of_form or likely):
            raise refused
        for mode in MODES[MODES.index(used.mode) + 1 :]:
            with suppress(Failure):
                weaker, answered = await send_without(request, replace(used, mode=mode), self._send)
                self._in_weaker[mode] += 1
                self._in_weaker[_NO_MODE] = 0
                if self._in_weaker[mode] >= _ENOUGH:
                    await self._settle_for(used, weaker)
                return answered
        self._in_weaker[_NO_MODE] += 1
        raise refused

    async def _settle_for(self, used: ChatCapabilities, understood: ChatCapabilities) -> None:
        """Learn what was understood in place of what was used, unless another was quicker."""
        async with self._lock:
            if self._understood == used:
                self._learn(understood)

    async def _probe(self, like: Request) -> None:
        """Find the first mode whose answer fits its schema; remember it."""
        self._probed = True
        try:
            self._learn(await find_mode(like, self._ask, like.audio is not None))
        except Failure:
            self._probed = False
            raise

    def _learn(self, understood: ChatCapabilities) -> None:
        self._understood = understood
        self._memory.remember_dialect(self.name, self.model, understood.dumps())
