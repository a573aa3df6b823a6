"""The review server's application: access rules, and the response to each error.

Everything except signing in needs a session, and every change also needs the session's form token.
No route takes a path; content is sent as JSON or escaped by the templates.
"""

from __future__ import annotations

from collections.abc import Collection

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from builders.errors import HeartenError, StoreError
from builders.review.data.bodies import sentence
from builders.review.data.events import Conflict, NotAllowed
from builders.review.outcome.progress import Watch
from builders.review.server import held_routes, match_routes, pages, routes
from builders.review.server.access import answer
from builders.review.server.comparing import Comparing
from builders.review.server.desk import Desk, Faulty, NotTheirs
from builders.review.server.guard import Guard
from builders.review.server.held_lines import HeldLines
from builders.review.server.matching import Matching
from builders.review.server.sound import MelPictures

_STATUS = ((Faulty, 422), (Conflict, 409), (NotTheirs, 404), (NotAllowed, 403), (StoreError, 503))


def create_app(
    desk: Desk,
    comparing: Comparing | None = None,
    matching: Matching | None = None,
    *,
    tokens: bool,
    hosts: Collection[str] | None,
    public: str | None = None,
) -> Guard:
    """Return the web application of one review.

    Args:
        desk: the build and its store.
        comparing: the comparison with another build, if there is one.
        matching: the matching of minimal pairs by ear, if there is one.
        tokens: whether signing in needs an invitation token, or only a name.
        hosts: the allowed host names, or None for any.
        public: the address before a proxy, if there is one.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.desk = desk
    app.state.comparing = comparing
    app.state.matching = matching
    app.state.held = HeldLines(desk)
    desk.matches = matching is not None
    app.state.tokens = tokens
    app.state.secure = public is not None and public.startswith("https:")
    app.state.watch = Watch()
    app.state.mels = MelPictures()
    app.include_router(pages.router)
    app.include_router(routes.router)
    app.include_router(match_routes.router)
    app.include_router(held_routes.router)
    app.add_exception_handler(HeartenError, _failed)
    app.add_exception_handler(KeyError, _missing)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _refused)
    return Guard(app, hosts, public)


def _failed(_request: Request, error: Exception) -> Response:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 400)
    found = error.faults if isinstance(error, Faulty) else [str(error)]
    return answer({"errors": found}, status)


def _missing(_request: Request, _error: Exception) -> Response:
    return answer({"errors": ["there is no such item in this build"]}, 404)


def _malformed(_request: Request, error: Exception) -> Response:
    """Report the invalid fields of a request, without their content."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    lines = [sentence(".".join(map(str, one["loc"][1:])), one["msg"]) for one in found]
    return answer({"errors": lines or ["the request is malformed: reload the page"]}, 422)


def _refused(request: Request, error: Exception) -> Response:
    """Redirect people who are not signed in to the sign-in page, and send scripts an error."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "an error"
    wants_page = "text/html" in request.headers.get("accept", "")
    if status == 401 and wants_page and request.method == "GET":
        return RedirectResponse("/join", 303)
    return answer({"errors": [detail]}, status)
