"""A server that takes the form of requests and never keeps to it: the build stops early."""

from __future__ import annotations

import pytest
from builds import hearten, one_line_error
from endpoints import TestEndpoint
from trees import make_meld_tree, meld_row

TARGETS, AT_ONCE, ATTEMPTS = 100, 4, 4


@pytest.mark.parametrize(
    ("kind", "reason"), [("always_invalid", "schema"), ("invalid_text", "not_json")]
)
def test_drafts_that_never_fit_stop_the_build_early(tmp_path, kind, reason):
    rows = [meld_row(d, u, Emotion="sadness") for d in range(TARGETS // 5) for u in range(5)]
    source = make_meld_tree(tmp_path / "meld", {"train": rows, "dev": [], "test": []})
    with TestEndpoint(any_model=True) as endpoint:
        # The first request is the probe, which is answered as it asks.
        endpoint.control(faults=[{"kind": kind, "at": [*range(2, 1000)]}])
        ended = hearten(
            *("build", "--corpus", "meld", "--source", source, "--text-only", "--no-reply-worthy"),
            *("--output", tmp_path / "out", "--model", "a", "--base-url", endpoint.base_url),
            *("--max-concurrency", AT_ONCE),
        )
        asked = endpoint.log()["count"]
    said = one_line_error(ended)
    assert ended.code == 3
    assert f"the first 20 replies were rejected, all as {reason}" in said
    assert "see what its server does with structured output" in said and "--retry-failed" in said
    assert asked < TARGETS * ATTEMPTS * 0.5
