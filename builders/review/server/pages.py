"""The HTML pages: sign-in, review, guidelines, my items, progress."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import Field

from builders.labels import strategies
from builders.labels.vocabulary import vocabulary
from builders.review.data.bodies import Checked
from builders.review.data.decisions import choices, scales
from builders.review.data.people import Annotator
from builders.review.outcome.alpha import meaning
from builders.review.outcome.progress import named
from builders.review.server.access import AtComparing, AtDesk, Cookie, Lead, Person, answer
from builders.review.server.desk import AHEAD, Desk
from builders.review.server.leads import disputed_item
from builders.review.server.routes import ItemName
from builders.review.server.sessions import COOKIE, LASTS_SECONDS, form_token

router = APIRouter()

_HERE = Path(__file__).parent
_TYPES = {".js": "text/javascript", ".css": "text/css"}
_STATIC = {path.name: path for path in (_HERE / "static").iterdir() if path.suffix in _TYPES}
_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _when(seconds: float) -> str:
    """Return a time of the store as it is read."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


_TEMPLATES.filters["when"] = _when


class _SigningIn(Checked):
    token: str = Field("", max_length=200)
    name: str = Field("", max_length=80)


@router.get("/static/{name}")
def static(name: str) -> Response:
    """Return a script or the style sheet."""
    if name not in _STATIC:
        raise HTTPException(404, "there is no such file")
    kept = {"Cache-Control": "no-cache"}
    path = _STATIC[name]
    return Response(path.read_bytes(), headers=kept, media_type=_TYPES[path.suffix])


@router.get("/join")
def door(request: Request, desk: AtDesk) -> HTMLResponse:
    """Show the sign-in page; the token stays in the URL fragment, which is never sent."""
    return _page("join", title="Sign in", build=desk.name, tokens=_needs_token(request, desk))


@router.post("/join")
def join(request: Request, desk: AtDesk, who: _SigningIn) -> Response:
    """Start a session with an invitation token, or with a name if no token is needed."""
    person = desk.people.by_token(who.token)
    if person is None and not who.token and not _needs_token(request, desk):
        person = desk.people.named(who.name, "lead")
    if person is None:
        raise HTTPException(403, "this link is no longer valid: ask for a new one")
    answered = answer({"name": person.name})
    answered.set_cookie(
        COOKIE,
        desk.sessions.begin(person),
        max_age=LASTS_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.app.state.secure,
    )
    return answered


def _needs_token(request: Request, desk: Desk) -> bool:
    """Return whether a name is not enough: elsewhere, and as soon as anybody was invited."""
    return request.app.state.tokens or bool(desk.people.invitations())


@router.get("/")
def home(desk: AtDesk) -> Response:
    """Redirect to the review, the comparison or the matching."""
    if desk.matches:
        return RedirectResponse("/match", 303)
    return RedirectResponse("/compare" if desk.against else "/review", 303)


@router.get("/compare")
def compare(at: AtComparing, desk: AtDesk, person: Person, cookie: Cookie) -> HTMLResponse:
    """Show the comparison page, with the next pairs."""
    start = {
        "review": at.name,
        "annotator": person.id,
        "items": at.next_pairs(person, AHEAD),
        "left": at.left(person),
        "done": at.done(person),
        "ahead": AHEAD,
        "textOnly": desk.settings.text_only,
    }
    return _signed_in_page("compare", desk, person, cookie, title="Compare", start=start)


@router.get("/review")
def review(
    desk: AtDesk, person: Person, cookie: Cookie, item: ItemName | None = None
) -> HTMLResponse:
    """Show the review page, with the next items."""
    items = [desk.item(item, person)] if item else desk.next_items(person, AHEAD)
    return _review_page(desk, person, cookie, {"mode": "review", "items": items, "again": item})


@router.get("/guidelines")
def guidelines(desk: AtDesk, person: Person, cookie: Cookie) -> HTMLResponse:
    """Show the guidelines, from the tables of strategies and choices."""
    return _signed_in_page(
        "guidelines",
        desk,
        person,
        cookie,
        title="Guidelines",
        **_words(judged=bool(desk.settings.only)),
    )


@router.get("/mine")
def mine(desk: AtDesk, person: Person, cookie: Cookie) -> HTMLResponse:
    """Show a person's decisions, so that they can return to them."""
    decided = desk.decided(person)[:500]
    return _signed_in_page("mine", desk, person, cookie, title="My items", decided=decided)


@router.get("/progress")
def progress(request: Request, desk: AtDesk, person: Lead, cookie: Cookie) -> HTMLResponse:
    """Show the progress of the review."""
    seen = request.app.state.watch.look(desk)
    return _signed_in_page(
        "progress", desk, person, cookie, title="Progress", seen=seen, named=named, meaning=meaning
    )


@router.get("/disputed")
def disputed(
    desk: AtDesk, person: Lead, cookie: Cookie, item: ItemName | None = None
) -> HTMLResponse:
    """Show the disputed items, or one of them with the answers side by side."""
    if item:
        start = {"mode": "disputed", "items": [disputed_item(desk, item, person)]}
        return _review_page(desk, person, cookie, start)
    return _signed_in_page(
        "disputed", desk, person, cookie, title="Disputed", items=desk.disputed(person)
    )


def _review_page(
    desk: Desk, person: Annotator, cookie: str, start: Mapping[str, object]
) -> HTMLResponse:
    words = _words(judged=bool(desk.settings.only))
    left = desk.left(person)
    start = {
        "again": None,
        **start,
        "review": desk.name,
        "annotator": person.id,
        "left": left["mine"],
        "done": left["decided_by_me"],
        "ahead": AHEAD,
        "textOnly": desk.settings.text_only,
        "choices": {
            kind: [{"code": c.code, "words": c.words} for c in words[kind]]
            for kind in ("reject", "skip", "flag", "scale")
        },
        "strategies": [
            {"code": s.id, "words": s.id.replace("_", " "), "meaning": s.definition}
            for s in words["strategies"]
        ],
        "most": strategies.MAX_STRATEGIES,
    }
    if listed := "mine" if start["again"] else "disputed" if start["mode"] == "disputed" else None:
        words["listed"] = listed
    return _signed_in_page(
        "review", desk, person, cookie, title=str(start["mode"]).capitalize(), start=start, **words
    )


def _words(judged: bool = False) -> dict[str, Any]:
    """Return the choices and their names; `judged` says whether a judge is compared with people."""
    nodes = vocabulary()
    families: dict[str, list[str]] = {}
    for node in nodes.nodes:
        families.setdefault(nodes.root_of(node), []).append(node)
    words: dict[str, Any] = {
        kind: list(choices(kind).values()) for kind in ("reject", "skip", "flag")
    }
    words["scale"] = list(scales(judged).values())
    words["strategies"] = list(strategies.strategies().values())
    words["emotions"] = families
    words["define"] = nodes.definition
    return words


def _signed_in_page(
    name: str, desk: Desk, person: Annotator, cookie: str, **content: Any
) -> HTMLResponse:
    token = form_token(cookie)
    content |= {"build": desk.name, "compares": desk.against is not None, "matches": desk.matches}
    content["qualified"] = person.id in desk.settings.qualified
    return _page(name, person=person, form_token=token, **content)


# Pages with routes of their own are in other modules.
signed_in_page = _signed_in_page


def _page(name: str, **content: Any) -> HTMLResponse:
    return HTMLResponse(_TEMPLATES.get_template(f"{name}.html.j2").render(content))
