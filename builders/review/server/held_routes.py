"""The page of the lines that are held for people, and its routes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import Field

from builders.review.data.bodies import Checked, Comment, Hash, Name, Seconds
from builders.review.server.access import AtDesk, Cookie, Person, Writer, answer
from builders.review.server.held_lines import HeldAnswer, HeldLines
from builders.review.server.pages import signed_in_page
from builders.review.server.routes import EventId

router = APIRouter()


class _Answered(Checked):
    """What somebody made of a line: a reply, or null where they pass."""

    item: Name
    seen: Hash
    event_id: EventId
    text: Annotated[Comment | None, Field()] = None
    seconds: Seconds | None = None


def _held(request: Request) -> HeldLines:
    found: HeldLines = request.app.state.held
    return found


AtHeld = Annotated[HeldLines, Depends(_held)]


@router.get("/held")
def held(at: AtHeld, desk: AtDesk, person: Person, cookie: Cookie) -> HTMLResponse:
    """Show the page to those who were named."""
    at.next(person)
    return signed_in_page("held", desk, person, cookie, title="Lines for people")


@router.get("/held/next")
def next_line(at: AtHeld, person: Person) -> Response:
    """Return the next line, or why there is none."""
    return answer(at.next(person))


@router.post("/held/answer")
def answered(at: AtHeld, person: Writer, sent: _Answered) -> Response:
    """Keep a reply or a pass, and return the next line."""
    at.answer(sent.item, sent.seen, person, HeldAnswer(sent.event_id, sent.text, sent.seconds))
    return answer(at.next(person))


@router.post("/held/leave")
def leave(at: AtHeld, person: Writer) -> Response:
    """Take a person off the list for good."""
    at.leave(person)
    return answer({})
