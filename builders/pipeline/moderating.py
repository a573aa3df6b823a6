"""What the moderation endpoint says of drafted replies: what it calls a crisis is not kept.

A reply without an answer is left for the next run, in which its draft is asked for no second time.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import closing
from functools import partial

from builders.llm.providers.openai_moderation import ModerationServer
from builders.llm.task import GivenUp, Pending
from builders.pipeline.plan import Plan
from builders.pipeline.verdicts import moderated, open_server
from builders.record.types import Drafted, Reject
from builders.store.database import Store
from builders.store.key_value import KeyValue
from builders.tasks.reply.routed import NOT_KEPT, UNSAFE
from builders.tts.stage import Item, in_order

_AT_ONCE = 8
# After so many failures one after the other nothing more is asked.
_DOWN = 8


class ModeratedReplies:
    """Asks the moderation endpoint of a build about each reply, in order.

    Args:
        plan: the build.
        store: where answers are kept.
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        self._plan, self._store = plan, store
        self._failed = 0
        self.asked = 0

    async def outcomes(self, items: AsyncIterator[Item]) -> AsyncGenerator[Item, None]:
        """Yield each item; a reply that is not kept as given up, one without an answer as left."""
        server = open_server(self._plan.config)
        try:
            with closing(KeyValue(self._store)) as values:
                async for item in in_order(partial(self._item, server, values), items, _AT_ONCE):
                    yield item
        finally:
            await server.close()

    async def _item(self, server: ModerationServer, values: KeyValue, item: Item) -> Item:
        if isinstance(item, Reject):
            return item
        target, reply = item
        if not isinstance(reply, Drafted):
            return item
        text = str(reply.reply["text"])
        if self._failed >= _DOWN:
            return target, Pending("no_route", "moderation: the endpoint answers nobody")
        verdict, asked = await moderated(server, values, text, target.id)
        self.asked += asked
        self._failed = self._failed + 1 if verdict.failure else 0
        if verdict.failure:
            return target, Pending(*verdict.failure)
        if verdict.route in NOT_KEPT:
            why = f"the reply is {verdict.route}: {', '.join(verdict.codes)}"
            return target, GivenUp(UNSAFE, why, text)
        return item
