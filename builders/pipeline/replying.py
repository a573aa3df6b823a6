"""Who writes the replies of a build: models, how often each, with what beside the dialogue."""

from __future__ import annotations

from functools import cached_property
from itertools import product
from typing import Any

from builders.corpora import Card
from builders.pipeline.candidates import OneOfSeveral
from builders.pipeline.told import reply_language, script_of, summarising, wording_of
from builders.record.sample import Origin
from builders.settings import BuildConfig
from builders.tasks.background import Summarised
from builders.tasks.caption import Captioned
from builders.tasks.reply.asking import PromptExtras
from builders.tasks.reply.before import ReplyTask
from builders.tasks.reply.checks.recited import RunIndex
from builders.tasks.reply.checks.verdicts import VerdictOutlet
from builders.tasks.reply.demonstrations import Demonstrations
from builders.tasks.reply.draft import Drafter
from builders.tasks.reply.executing import CueTagger, ModelTagger
from builders.tasks.reply.kept_drafts import KeptDrafts
from builders.tasks.reply.planned import PlannedDrafter
from builders.tasks.reply.planning import Planner
from builders.tasks.reply.routed import RoutedReply
from builders.tasks.route import RouteAsker


class Replying:
    """The part of a build's plan that makes the tasks for its replies; see `Plan`."""

    config: BuildConfig
    card: Card
    origin: Origin
    identity: dict[str, Any]
    recited: RunIndex
    demonstrations: Demonstrations | None
    unfit: frozenset[tuple[str, str]]

    @property
    def drafter(self) -> Drafter:
        """Return the maker of draft requests, of several the first."""
        return self._drafter(self.origin.model, 1)

    @property
    def drafters(self) -> list[OneOfSeveral]:
        """Return all who draft: each model as often as drafts of it are wanted."""
        drafts = self.config.drafts
        return [
            OneOfSeveral(
                self._checked_by_router(self._summarised(drafter) or self._described(drafter)),
                model,
                number % drafts + 1,
            )
            for number, (model, drafter) in enumerate(self.plain_drafters)
        ]

    def _checked_by_router(self, task: ReplyTask) -> ReplyTask:
        """Have the model that routes utterances asked about each reply, too."""
        router = self.config.router
        if not router:
            return task
        return RoutedReply(task, RouteAsker(router, self.card.speakers_have_names))

    @property
    def plain_drafters(self) -> list[tuple[str, Drafter]]:
        """Return the makers of all draft requests, each with its model; without captions."""
        models = [one.model for one in self.config.drafting] or [self.origin.model]
        numbers = range(1, self.config.drafts + 1)
        return [(model, self._drafter(model, n)) for model, n in product(models, numbers)]

    def _drafter(self, model: str, number: int) -> Drafter:
        config = self.config
        drafter = Drafter(
            model,
            config.persona,
            config.label_view or self.card.label_source,
            config.sampling,
            self.card.speakers_have_names,
            PromptExtras(
                config.redraft.notes if config.redraft else {},
                config.hear,
                demonstrations=self.demonstrations,
                sees=config.see,
                language=reply_language(self.card),
                recited=self.recited,
                prompt=config.draft_prompt,
                script=script_of(config, self.card),
                background=config.background != "none",
                planner=self.planner,
                draft=number,
            ),
            self.tagger,
        )
        drafter.keep_verdicts(self.verdicts)
        return drafter

    @cached_property
    def verdicts(self) -> VerdictOutlet:
        """Return where the verdicts of all drafters go; nowhere until it is told."""
        return VerdictOutlet()

    @property
    def kept_drafts(self) -> KeptDrafts | None:
        """Return how drafts are kept; None where more than one task goes before a reply.

        Notes of reviewers are no part of a target, so that what is drafted again is not kept.
        """
        if self.config.redraft or not isinstance(self.drafters[0].task, Drafter):
            return None
        shown = self.demonstrations.document if self.demonstrations else None
        return KeptDrafts({**self.identity, "recited": self.recited.digest(), "shown": shown})

    @cached_property
    def planner(self) -> Planner | None:
        """Return who plans the replies by hash; None where nobody plans."""
        return None if self.config.plans == "none" else Planner(reply_language(self.card))

    @cached_property
    def tagger(self) -> CueTagger | ModelTagger | None:
        """Return who finds what the replies do; None where nobody looks."""
        config = self.config
        if config.tagger:
            return ModelTagger(config.tagger, config.reply_tokens)
        return CueTagger(reply_language(self.card)) if self.planner else None

    @property
    def replying(self) -> Drafter | PlannedDrafter:
        """Return the maker of replies, of several the first."""
        return self._replying(self.drafter)

    def _replying(self, drafter: Drafter) -> Drafter | PlannedDrafter:
        """Have a plan asked for first where a model plans, the same for all drafts."""
        config = self.config
        if config.plans != "model" or self.planner is None:
            return drafter
        wording = wording_of(config, self.card)
        return PlannedDrafter(drafter, self.planner, self.origin.model, wording)

    @property
    def captioned(self) -> Captioned | None:
        """Return the caption stage; None without a caption model."""
        return self._captioned(self.drafter)

    @property
    def summarised(self) -> Summarised | None:
        """Return the stage that tells of earlier turns; None without it."""
        return self._summarised(self.drafter)

    def _summarised(self, drafter: Drafter) -> Summarised | None:
        return summarising(self.config, self.card, self._described(drafter), self.origin.model)

    def _described(self, drafter: Drafter) -> Captioned | PlannedDrafter | Drafter:
        return self._captioned(drafter) or self._replying(drafter)

    def _captioned(self, drafter: Drafter) -> Captioned | None:
        model = self.config.caption_model
        qualified = ("describes", model) not in self.unfit
        return Captioned(self._replying(drafter), model, qualified=qualified) if model else None
