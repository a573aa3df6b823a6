"""The dependencies of the review server's routes: the person, the desk, the session."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import Depends, Header, HTTPException, Request
from fastapi.responses import Response

from builders.review.data.people import Annotator
from builders.review.server.comparing import Comparing
from builders.review.server.desk import Desk
from builders.review.server.sessions import COOKIE, is_form_token


def answer(value: object, status: int = 200) -> Response:
    """Return a value as a JSON response."""
    return Response(orjson.dumps(value), status, media_type="application/json")


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def _comparing(request: Request) -> Comparing:
    comparing: Comparing | None = request.app.state.comparing
    if comparing is None:
        raise HTTPException(404, "this server was started without builds to compare")
    return comparing


def _cookie(request: Request) -> str:
    return request.cookies.get(COOKIE, "")


def _person(desk: AtDesk, cookie: Cookie) -> Annotator:
    person = desk.sessions.whose(cookie)
    if person is None:
        raise HTTPException(401, "sign in again with your link")
    return person


def _writer(
    person: Person, cookie: Cookie, x_form_token: Annotated[str | None, Header()] = None
) -> Annotator:
    if not is_form_token(cookie, x_form_token):
        raise HTTPException(403, "the page is out of date: reload it")
    return person


def _lead(person: Person) -> Annotator:
    if person.role != "lead":
        raise HTTPException(403, "only leads may do this")
    return person


def _lead_writer(writer: Writer) -> Annotator:
    return _lead(writer)


AtDesk = Annotated[Desk, Depends(_desk)]
AtComparing = Annotated[Comparing, Depends(_comparing)]
Cookie = Annotated[str, Depends(_cookie)]
Person = Annotated[Annotator, Depends(_person)]
Writer = Annotated[Annotator, Depends(_writer)]
Lead = Annotated[Annotator, Depends(_lead)]
LeadWriter = Annotated[Annotator, Depends(_lead_writer)]
