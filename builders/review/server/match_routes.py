"""The page on which people match two replies to two voices, and its routes."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from builders.review.data.bodies import Checked, Hash, Name, Seconds
from builders.review.server.access import AtDesk, Cookie, Person, Writer, answer
from builders.review.server.matching import MatchAnswer, Matching
from builders.review.server.pages import signed_in_page

router = APIRouter()


class _Matched(Checked):
    """An answer: which reply as shown answers the first voice, and what was heard of each clip."""

    pair: Name
    seen: Hash
    choice: Literal["a", "b", "cannot_tell"]
    heard_1: Seconds
    heard_2: Seconds


def _matching(request: Request) -> Matching:
    found: Matching | None = request.app.state.matching
    if found is None:
        raise HTTPException(404, "this server was started without --swap")
    return found


AtMatching = Annotated[Matching, Depends(_matching)]


@router.get("/match")
def match(at: AtMatching, desk: AtDesk, person: Person, cookie: Cookie) -> HTMLResponse:
    """Show the page."""
    return signed_in_page("match", desk, person, cookie, title="Match")


@router.get("/match/next")
def next_pair(at: AtMatching, person: Person) -> Response:
    """Return the next pair, or null at the end."""
    return answer({"pair": at.next(person)})


@router.post("/match/answer")
def matched(at: AtMatching, person: Writer, sent: _Matched) -> Response:
    """Keep an answer and return the next pair."""
    said = MatchAnswer(sent.choice, (sent.heard_1, sent.heard_2))
    at.answer(sent.pair, sent.seen, person, said)
    return answer({"pair": at.next(person)})
