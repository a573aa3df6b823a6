"""The routes for the page's script: items, clips, drawings and decisions."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from pydantic import Field

from builders.review.data.bodies import Answers, Checked, Comment, FirstBody, Hash, Name, Seconds
from builders.review.data.decided import Decision, Shown, decision_of
from builders.review.server.access import (
    AtComparing,
    AtDesk,
    Cookie,
    LeadWriter,
    Person,
    Writer,
    answer,
)
from builders.review.server.comparing import ComparisonAnswer
from builders.review.server.leads import check_disputed
from builders.review.server.sound import ranged

router = APIRouter()

ItemName = Annotated[str, Query(alias="item", min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
EventId = Annotated[str, Field(pattern="^[0-9a-f-]{32,36}$")]


class _About(Checked):
    """The item open on a page: see `events.Shown`."""

    item: Name
    seen: Hash
    version: Annotated[int, Field(ge=0)]

    def shown(self, build: str) -> Shown:
        return Shown(build, self.item, self.seen, self.version)


class _FirstAnswer(_About, FirstBody):
    """Answers given before the draft was shown, after the clip was."""

    seconds_heard: Seconds | None = None
    broken: bool | None = None

    def decision(self) -> Decision:
        return Decision(
            "skip",
            reason="cannot_judge",
            strategies=tuple(self.strategies or ()),
            emotion=self.emotion,
            flags=("audio_broken",) if self.broken else None,
            seconds_heard=self.seconds_heard,
        )


class _Sent(_About, Answers):
    """A decision sent by a page: see `events.Decision`."""

    event_id: EventId
    verdict: Literal["accept", "edit", "reject", "skip"]

    def decision(self) -> Decision:
        given = self.model_dump(include=set(Answers.model_fields))
        # A page still open from the previous release sends empty values for unanswered fields.
        given |= {name: given[name] or None for name in ("ratings", "flags")}
        return decision_of(self.verdict, given)


class _Compared(_About):
    """Which of two replies is better: a is the first one shown."""

    event_id: EventId
    choice: Literal["a", "b", "equal"]
    comment: Comment | None = None
    broken: bool | None = None
    seconds_heard: Seconds | None = None
    seconds: Seconds | None = None


class _Wanted(Checked):
    wanted: bool


class _Item(Checked):
    item: Name


@router.get("/items")
def next_items(desk: AtDesk, person: Person, count: Annotated[int, Query(ge=1, le=5)]) -> Response:
    """Lease the next items of a person's queue and return them."""
    return answer({"items": desk.next_items(person, count)})


@router.get("/item")
def one_item(desk: AtDesk, person: Person, item: ItemName) -> Response:
    """Return one item that was given to this person before."""
    return answer(desk.item(item, person))


@router.get("/left")
def left(desk: AtDesk, person: Person) -> Response:
    """Return how many items are left."""
    return answer(desk.left(person))


@router.get("/audio")
def audio(
    desk: AtDesk,
    _person: Person,
    item: ItemName,
    range_header: Annotated[str | None, Header(alias="range")] = None,
) -> Response:
    """Return an item's clip, or the requested range of it."""
    return _sound(desk.clip(item), range_header)


@router.get("/spoken")
def spoken(
    desk: AtDesk,
    person: Person,
    item: ItemName,
    range_header: Annotated[str | None, Header(alias="range")] = None,
) -> Response:
    """Return the spoken reply to an item that was given to this person, or a range of it."""
    return _sound(desk.spoken(item, person), range_header)


def _sound(wav: bytes, wanted: str | None) -> Response:
    part = ranged(wav, wanted)
    kept = {"Cache-Control": "private, max-age=3600"}
    return Response(part.content, part.status, part.headers | kept, media_type="audio/wav")


@router.get("/drawing")
def drawing(desk: AtDesk, _person: Person, item: ItemName) -> Response:
    """Return the peaks and the pitch of an item's clip."""
    kept = {"Cache-Control": "private, max-age=3600"}
    return Response(desk.drawing(item), headers=kept, media_type="application/json")


@router.get("/mel")
def mel(request: Request, desk: AtDesk, _person: Person, item: ItemName) -> Response:
    """Return an item's mel spectrogram as SVG, which an `<img>` shows: `/mel?item=ID`.

    `mel` of an item is this address; it is null where there is no clip, or none to be played, and
    where the extra `audio` is not installed. The address then answers 404 with one line.
    """
    picture = request.app.state.mels.of(desk.known_item(item).seen, lambda: desk.clip(item))
    kept = {"Cache-Control": "private, max-age=3600"}
    return Response(picture, headers=kept, media_type="image/svg+xml")


@router.post("/decide")
def decide(desk: AtDesk, person: Writer, sent: _Sent) -> Response:
    """Store a decision, and return whether the item already had enough of them."""
    event = desk.decide(sent.shown(desk.name), person, sent.decision(), sent.event_id)
    said = {"opinion": True} if event.body.get("opinion") else {}
    return answer({"surplus": event.surplus, "version": event.version, **said})


@router.post("/adjudicate")
def adjudicate(desk: AtDesk, person: LeadWriter, sent: _Sent) -> Response:
    """Store an adjudication of a disputed item."""
    check_disputed(desk, sent.item, sent.event_id)
    event = desk.adjudicate(sent.shown(desk.name), person, sent.decision(), sent.event_id)
    return answer({"surplus": False, "version": event.version})


@router.post("/gold")
def gold(desk: AtDesk, person: LeadWriter, sent: _Sent) -> Response:
    """Store a gold answer to an item, which tests annotators from now on."""
    event = desk.gold(sent.shown(desk.name), person, sent.decision())
    return answer({"surplus": False, "version": event.version})


@router.post("/first-answer")
def first_answer(desk: AtDesk, person: Writer, sent: _FirstAnswer) -> Response:
    """Store the answers given before the draft is shown, and return the draft."""
    return answer(desk.first_answer(sent.shown(desk.name), person, sent.decision()))


@router.get("/pairs")
def next_pairs(
    at: AtComparing, person: Person, count: Annotated[int, Query(ge=1, le=5)]
) -> Response:
    """Lease the next pairs of drafts to a person and return them."""
    return answer({"items": at.next_pairs(person, count)})


@router.get("/pair")
def one_pair(at: AtComparing, person: Person, item: ItemName) -> Response:
    """Return one pair that was given to this person before."""
    return answer(at.pair(item, person))


@router.post("/compare")
def compare(at: AtComparing, desk: AtDesk, person: Writer, sent: _Compared) -> Response:
    """Store which of two drafts a person finds better."""
    said = ComparisonAnswer(
        sent.choice, sent.comment, sent.broken, sent.seconds_heard, sent.seconds
    )
    event = at.compare(sent.shown(desk.name), person, said, sent.event_id)
    return answer({"surplus": False, "version": event.version})


@router.post("/compare/undo")
def undo_compare(at: AtComparing, person: Writer) -> Response:
    """Undo the latest comparison and return its pair, or null if there is none."""
    return answer({"item": at.undo(person)})


@router.post("/compare/renew")
def renew_pair(at: AtComparing, person: Writer, about: _Item) -> Response:
    """Renew the lease of an open pair."""
    return answer({"kept": at.renew(about.item, person)})


@router.post("/undo")
def undo(desk: AtDesk, person: Writer) -> Response:
    """Undo the latest decision and return its item, or null if there is none."""
    return answer({"item": desk.undo(person)})


@router.post("/renew")
def renew(desk: AtDesk, person: Writer, about: _Item) -> Response:
    """Renew the lease of an open item."""
    return answer({"kept": desk.renew(about.item, person)})


@router.post("/crisis")
def crisis(desk: AtDesk, person: Writer, choice: _Wanted) -> Response:
    """Save whether a person accepts crisis items."""
    desk.take_crisis(person, choice.wanted)
    return answer({"wanted": choice.wanted})


@router.post("/leave")
def leave(request: Request, desk: AtDesk, person: Writer, cookie: Cookie) -> Response:
    """End the session and release its annotator's leases."""
    if request.app.state.comparing is not None:
        request.app.state.comparing.leave(person)
    desk.leave(cookie, person)
    return answer({})
