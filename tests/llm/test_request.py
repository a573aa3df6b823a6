from dataclasses import replace

import orjson
import pytest

from builders.llm.request import NarrowedSchema, Request, key, seed_for

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string", "minLength": 1}},
}
REQUEST = Request(
    model="a-model",
    messages=({"role": "system", "content": "Listen."}, {"role": "user", "content": "It rained."}),
    schema=NarrowedSchema(SCHEMA),
    audio_sha256=None,
    temperature=0.8,
    top_p=1.0,
    max_tokens=400,
    seed=seed_for("meld-dev-0-1", 0),
    record_id="meld-dev-0-1",
    attempt=0,
)


@pytest.mark.parametrize(
    "changed",
    [
        {"model": "another-model"},
        {"messages": ({"role": "user", "content": "It rained!"},)},
        {"schema": NarrowedSchema({**SCHEMA, "required": []})},
        {"audio_sha256": "0" * 64},
        {"temperature": 0.7},
        {"top_p": 0.9},
        {"max_tokens": 300},
        {"seed": 1},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_change_of_what_is_asked_changes_the_key(changed):
    assert key(replace(REQUEST, **changed)) != key(REQUEST)


def test_the_record_and_the_attempt_reach_the_key_only_through_the_seed():
    assert key(replace(REQUEST, record_id="meld-dev-0-2", attempt=3)) == key(REQUEST)
    assert seed_for("meld-dev-0-1", 1) != seed_for("meld-dev-0-1", 0) != seed_for("meld-dev-0-2", 0)


def test_the_key_is_the_same_in_every_process_and_however_a_schema_was_written():
    other_order = NarrowedSchema(dict(reversed(SCHEMA.items())))
    assert key(replace(REQUEST, schema=other_order)) == key(REQUEST)
    assert key(replace(REQUEST, top_p=1)) == key(REQUEST)
    assert key(REQUEST) == "d87be7e98a78dcc5169272dd9232b64cc019628413c2da5b3c0e3e8736d615a1"


def test_a_request_says_nothing_of_where_when_and_how_it_is_sent():
    fields = set(Request.__dataclass_fields__)
    for word in ("url", "endpoint", "timeout", "concurrency", "dialect", "patience"):
        assert not any(word in name for name in fields)


def test_a_seed_has_31_bits():
    seeds = [seed_for(f"id-{number}", number) for number in range(2000)]
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert max(seeds) > 2**30
    assert len(set(seeds)) == len(seeds)


def test_a_schema_is_sent_without_what_strict_servers_refuse():
    schema = NarrowedSchema(SCHEMA)
    assert schema.sent == {
        "type": "object",
        "required": ["text"],
        "properties": {"text": {"type": "string"}},
    }
    assert orjson.loads(schema.sent_text) == schema.sent
    assert schema.document["properties"]["text"]["minLength"] == 1
