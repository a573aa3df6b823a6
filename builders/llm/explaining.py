"""What a person is told of a server that cannot be used: what it said, where, and what to do."""

from __future__ import annotations

from typing import Any

from builders.errors import EndpointError, HeartenError, StoppedEarly, nearest
from builders.llm.failures import Failure
from builders.llm.providers import Provider

_KEPT = "every answer so far is kept"


def every_request(failure: Failure, endpoint: Provider[Any, Any], succeeded: bool) -> HeartenError:
    """Return the error for a refusal that all requests meet, for ever or from now on."""
    if succeeded:
        return StoppedEarly(
            f"every request is refused now ({failure.detail})",
            where=endpoint.name,
            do=f"{_KEPT}; see what the server says, then run the same command again",
        )
    return EndpointError(
        f"every request is refused ({failure.detail})",
        where=endpoint.name,
        do=failure.do
        or f"see what the server says, and whether the model takes {endpoint.help.route}",
    )


def no_contact(failure: Failure, endpoint: Provider[Any, Any]) -> EndpointError:
    """Return the error for an address where nothing answers."""
    if failure.do:
        return _unusable(failure, endpoint)
    return EndpointError(
        f"nothing answers at {endpoint.name} ({failure.detail})",
        do=f"is the server running? correct {endpoint.help.address_option} or start it",
    )


def _unusable(failure: Failure, endpoint: Provider[Any, Any]) -> EndpointError:
    """Return the error for an address that leads to something, which is not what was meant."""
    return EndpointError(
        f"{endpoint.name} cannot be used: {failure.detail}",
        do=(failure.do or "").replace("--base-url", endpoint.help.address_option),
    )


def fatal(
    failure: Failure, endpoint: Provider[Any, Any], succeeded: bool = False
) -> HeartenError | None:
    """Return the error for a failure that every request would meet, by its kind; else None."""
    name = endpoint.name
    if failure.kind in ("authentication", "forbidden"):
        return EndpointError(
            f"the key was refused (HTTP {failure.status})",
            where=name,
            do=f"set {endpoint.help.key_names} to a key that may use this model",
        )
    if failure.kind == "takes_no_audio":
        return EndpointError(
            f"the model {endpoint.model} takes no audio ({failure.detail})",
            where=name,
            do="serve one that hears, or build without --hear and --caption-model",
        )
    if failure.kind == "takes_no_video":
        return EndpointError(
            f"the model {endpoint.model} takes no video with sound ({failure.detail})",
            where=name,
            do="serve one that sees and hears, or build without --see",
        )
    if failure.kind == "no_form" and failure.status is not None:
        return every_request(failure, endpoint, succeeded)
    if failure.kind == "no_form":
        return EndpointError(
            f"{endpoint.model} gives no answer that fits, in whatever structured-output mode it "
            f"is asked ({failure.detail})",
            where=name,
            do=failure.do,
        )
    if failure.kind == "wrong_address" and failure.do:
        return _unusable(failure, endpoint)
    if failure.kind == "wrong_address":
        return EndpointError(
            f"there is no {endpoint.help.route} (HTTP {failure.status})",
            where=name,
            expected=endpoint.help.address_form,
            do=f"correct {endpoint.help.address_option}",
        )
    if failure.kind == "quota_exhausted":
        return StoppedEarly(
            f"the quota is exhausted ({failure.detail})",
            where=name,
            do="every answer so far is kept; add credit and run the same command again",
        )
    return None


def no_model(endpoint: Provider[Any, Any], offered: list[str]) -> EndpointError:
    """Return the error for a model that the endpoint does not have; it has those `offered`."""
    near = nearest(endpoint.model, [name for name in offered if name != endpoint.model])
    return EndpointError(
        f"there is no model {endpoint.model}",
        where=endpoint.name,
        expected=f"one of {', '.join(sorted(offered)[:10])}" if offered else None,
        do=f"did you mean {near}?" if near else f"name one with {endpoint.help.model_option}",
    )
