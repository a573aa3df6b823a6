"""The review server's application: who may ask what, and how each error is answered.

Everything but signing in needs a session, and everything that changes something its form token
too. No route takes a path; what an item holds leaves as JSON or escaped by the templates.
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
from builders.review.server import pages, routes
from builders.review.server.access import answer
from builders.review.server.comparing import Comparing
from builders.review.server.desk import Desk, Faulty, NotTheirs
from builders.review.server.guard import Guard

_STATUS = ((Faulty, 422), (Conflict, 409), (NotTheirs, 404), (NotAllowed, 403), (StoreError, 503))


def create_app(
    desk: Desk,
    comparing: Comparing | None = None,
    *,
    tokens: bool,
    hosts: Collection[str] | None,
) -> Guard:
    """Return the application of one review.

    Args:
        desk: the build and its store.
        comparing: where its drafts are compared with those of another build, if they are.
        tokens: whether signing in takes an invitation's token, or a name alone.
        hosts: names the server may be called by, or None for any.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.desk = desk
    app.state.comparing = comparing
    app.state.tokens = tokens
    app.state.watch = Watch()
    app.include_router(pages.router)
    app.include_router(routes.router)
    app.add_exception_handler(HeartenError, _failed)
    app.add_exception_handler(KeyError, _missing)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _refused)
    return Guard(app, hosts)


def _failed(_request: Request, error: Exception) -> Response:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 400)
    found = error.faults if isinstance(error, Faulty) else [str(error)]
    return answer({"errors": found}, status)


def _missing(_request: Request, _error: Exception) -> Response:
    return answer({"errors": ["there is no such item in this build"]}, 404)


def _malformed(_request: Request, error: Exception) -> Response:
    """Say which fields of a request are wrong, without repeating what was in them."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    lines = [sentence(".".join(map(str, one["loc"][1:])), one["msg"]) for one in found]
    return answer({"errors": lines or ["the request is malformed: reload the page"]}, 422)


def _refused(request: Request, error: Exception) -> Response:
    """Send a person who is not signed in to the door, and their script an error."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "an error"
    wants_page = "text/html" in request.headers.get("accept", "")
    if status == 401 and wants_page and request.method == "GET":
        return RedirectResponse("/join", 303)
    return answer({"errors": [detail]}, status)
