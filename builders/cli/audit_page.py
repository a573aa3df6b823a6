"""`hearten audit`: the page on which a random sample is judged, and what comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from builders.cli.audit_lines import audit_lines, verdict
from builders.cli.review_page import door_of, invited_links
from builders.errors import ConfigError
from builders.record.dataset import Build
from builders.release.eligibility import Restrictions, excluded_by
from builders.review.data.audits import AuditPlan, Audits
from builders.review.data.items import Items
from builders.review.outcome.audit import AuditOutcome, begin, outcome
from builders.review.outcome.exact import rows_needed
from builders.settings import STORE_FILE
from builders.store.database import Store

_DEFAULTS = {"max_bad": 0.02, "confidence": 0.95, "allowed": 0, "to_the_end": False}
_SHOWN_ALLOWED = 3


def audit(  # noqa: PLR0913 - what the command line gives
    folder: Path,
    store: str | None,
    exclusions: Path,
    asked: Mapping[str, Any],
    where: tuple[str, int, Sequence[str]],
    *,
    again: bool,
    status: bool,
    as_json: bool,
) -> None:
    """Serve the audit of a finished build until it is stopped, and print what it has found.

    Args:
        folder: the build's folder.
        store: the store's address, by default the file beside the build.
        exclusions: the table of ids that nobody is shown.
        asked: `max_bad`, `confidence`, `allowed` and `to_the_end`; None leaves one as it was.
        where: host, port, and names of auditors who get a new link each.
        again: start another audit.
        status: print the outcome and serve nothing.
        as_json: print JSON.

    Raises:
        ConfigError: there is nothing to audit, or another audit has not ended.
    """
    build = Build(folder).verify()
    address = store or str(folder.parent / STORE_FILE)
    known = Restrictions(excluded_by(exclusions, address))
    with closing(Store(address)) as held:
        for _ in Items(held, known).register(build):
            pass
        name = build.manifest["result"]["name"]
        plan = _plan(held, name, asked, again=again)
        found = outcome(held, name, plan)
        if not (plan.result or as_json):
            print("\n".join(_asks(name, plan, found)), flush=True)
        stopped = None
        if not (status or plan.result):
            try:
                _serve(build, held, known, plan, where, as_json=as_json)
            except KeyboardInterrupt as error:  # how serving ends
                stopped = error
            found = outcome(held, name)
    if found is None or (as_json and not (status or plan.result)):
        return
    print(json.dumps(asdict(found)) if as_json else "\n".join(audit_lines(name, found)))
    if stopped and not found.ended:
        raise stopped


def _plan(store: Store, name: str, asked: Mapping[str, Any], *, again: bool) -> AuditPlan:
    """Return the audit that is under way, or a new one."""
    latest = Audits(store, name).latest()
    changed = {field: value for field, value in asked.items() if value is not None}
    if latest is None or (again and latest.result):
        plan = begin(store, name, AuditPlan(number=0, rows=0, **_DEFAULTS | changed))
        if plan.rows:
            return plan
        raise ConfigError(
            f"{name} has no row that nobody has decided about",
            do="build more, or see what was decided with hearten review-status",
        )
    differs = next((f for f, value in changed.items() if getattr(latest, f) != value), None)
    if again or differs:
        state = "has ended" if latest.result else "has not ended"
        raise ConfigError(
            f"audit {latest.number} of {name} {state}"
            + (f" and has {differs} {getattr(latest, differs)}" if differs else ""),
            expected="the settings it was begun with, fixed before anything was looked at",
            do="start another one with --again" if latest.result else "finish it first",
        )
    return latest


def _serve(  # noqa: PLR0913 - what the page needs
    build: Build,
    store: Store,
    known: Restrictions,
    plan: AuditPlan,
    where: tuple[str, int, Sequence[str]],
    *,
    as_json: bool,
) -> None:
    try:
        from builders.review.server import listen
        from builders.review.server.auditing import AuditDesk
    except ImportError as error:
        raise ConfigError(
            f"auditing needs the package {error.name}", do="pip install 'hearten[review]'"
        ) from error
    host, port, invited = where
    say = partial(print, flush=True)  # whoever reads it through a pipe waits for the address
    name = build.manifest["result"]["name"]

    def tell(found: AuditOutcome) -> None:
        if not as_json:
            say(f"decided: {verdict(found)}; Ctrl+C ends the audit")

    at = listen.listen(host, port)
    links = invited_links(store, at.address, (invited, ()))
    if as_json:
        say(json.dumps({"build": name, "address": f"{at.address}/", "invited": links}))
    else:
        for one in links:
            say(f"{one['role']} {one['name']}: {one['link']}")
        say(f"open {at.address}/ ({door_of(store, at)}); Ctrl+C stops, and nothing is lost")
    listen.serve(AuditDesk(build, store, known, plan, tell), at)


def _asks(name: str, plan: AuditPlan, found: AuditOutcome | None) -> Iterator[str]:
    """Yield what an audit asks, and how many rows it needs."""
    of = found.of if found else 0
    strata = len(found.strata) if found else 0
    by = f"{strata} strata (corpus, coarse emotion)"
    yield f"{name}: nobody has decided about {of:,} rows, in {by}"
    claim = f"at most {plan.max_bad:.1%} bad with {plan.confidence:.0%} confidence"
    yield f"audit {plan.number}: {claim} needs {plan.rows:,} rows with {_bad(plan.allowed)}"
    most = range(plan.allowed + 1, plan.allowed + 1 + _SHOWN_ALLOWED)
    needed = {bad: rows_needed(plan.max_bad, plan.confidence, bad, of) for bad in most}
    more = [f"{rows:,} with {_bad(bad)}" for bad, rows in needed.items() if rows < of]
    endless = rows_needed(plan.max_bad, plan.confidence, plan.allowed)
    if endless != plan.rows:
        yield f"  ({endless:,} in a build of many more rows)"
    if more:
        yield f"  other samples (--allowed-bad): {', '.join(more)}"


def _bad(count: int) -> str:
    return {0: "no bad one", 1: "1 bad one"}.get(count, f"{count:,} bad ones")
