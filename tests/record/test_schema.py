import copy
import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import clip, full_record, record, reply

from builders import resources
from builders.labels import strategies, vocabulary
from builders.record.schema import (
    Validator,
    in_first_order,
    load_schema,
    narrowed_reply,
    validator,
    violations,
)
from builders.record.types import Emotions

NAMES = sorted(path.name.split(".")[0] for path in resources.schemas().glob("*.schema.json"))
DOCUMENTS = {
    "sample": [full_record(), record(), record(2, clip())],
    "reply": [reply(), reply(strategies=["validation", "redirection", "inquiry"])],
}
REFERENCES = {name: jsonschema.Draft202012Validator(load_schema(name)) for name in DOCUMENTS}
# One value of each JSON type, and some that are near to what the schemas ask for.
ODD_VALUES = [None, True, 0, -1, 1.0, 0.5, 10**20, "", "joy", "no_such_word", "a" * 64, [], {}]
ODD_VALUES += [["sadness", "sadness"], ["x"] * 4, {"path": "x.flac", "bytes": None}]

Path = tuple[str | int, ...]


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every value in a document, itself first."""
    yield path
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(part, (*path, key))


def at(document: Any, path: Path) -> Any:
    for key in path:
        document = document[key]
    return document


@st.composite
def mutations(draw: st.DrawFn) -> tuple[str, Any]:
    """A schema's name and a document with one to three faults, or what may be faults."""
    name = draw(st.sampled_from(sorted(DOCUMENTS)))
    document = copy.deepcopy(draw(st.sampled_from(DOCUMENTS[name])))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(document))[1:]))
        parent, last = at(document, path[:-1]), path[-1]
        kind = draw(st.sampled_from(["drop", "replace", "add", "twice"]))
        if kind == "drop":
            del parent[last]
        elif kind == "replace":
            parent[last] = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))
        elif kind == "add" and isinstance(parent, dict):
            parent["mood"] = 1
        elif kind == "twice" and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[last]))
    return name, document


@settings(max_examples=300)
@given(mutations())
def test_the_fast_validator_finds_what_the_reference_finds(mutation):
    name, document = mutation
    expected = {tuple(error.absolute_path) for error in REFERENCES[name].iter_errors(document)}
    found = validator(name).iter_errors(document)
    assert {tuple(error.instance_path) for error in found} == expected
    assert bool(violations(validator(name), document)) == bool(expected)


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_valid_documents_are_valid_to_both_validators(name):
    for document in DOCUMENTS[name]:
        assert violations(validator(name), document) == []
        REFERENCES[name].validate(document)


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_is_valid_2020_12(name):
    assert load_schema(name)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(load_schema(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_object_refuses_unknown_properties_and_requires_all_of_its_own(name):
    # A condition adds to what the schema says beside it.
    schema = {k: v for k, v in load_schema(name).items() if k not in ("if", "then")}
    nodes = [at(schema, path) for path in places(schema)]
    objects = [n for n in nodes if isinstance(n, dict) and ("properties" in n)]
    assert len(objects) > 1
    for node in objects:
        assert node["additionalProperties"] is False
        assert node["required"] == list(node["properties"])
    typed = [n for n in nodes if isinstance(n, dict) and n.get("type") == "object"]
    assert typed == objects


def test_a_violation_says_where_and_what():
    document = full_record()
    document["drafting"]["coercions"][0]["to"] = 7
    (line,) = violations(validator("sample"), document)
    assert line == 'drafting.coercions.0.to: 7 is not of type "string"'


def test_the_values_of_the_tables_are_in_every_place_that_says_so():
    words = vocabulary.vocabulary()
    defs, asked = load_schema("sample")["$defs"], load_schema("reply")["properties"]
    assert defs["emotion"]["enum"] == list(words.nodes)
    assert defs["root"]["enum"] == list(words.roots)
    assert defs["strategy"]["enum"] == list(strategies.strategies())
    votes = field("audio_contribution.votes[].emotion")["enum"]
    assert votes == [root for root in words.roots if root != "unknown"] + ["cannot_tell"]
    assert asked["strategies"]["items"]["enum"] == defs["strategy"]["enum"]
    assert asked["emotion"]["enum"] == defs["reply_emotion"]["enum"]
    awareness = asked["awareness"]["properties"]
    assert awareness["act"]["enum"] == defs["awareness_act"]["enum"]
    assert awareness["emotions"]["items"]["enum"] == defs["emotion"]["enum"]


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_leaves_no_place_for_a_table_empty(name):
    on_disk = json.loads((resources.schemas() / f"{name}.schema.json").read_bytes())
    loaded = load_schema(name)
    told = [path for path in places(on_disk) if path and path[-1] == "$comment"]
    assert {"sample": 4, "reply": 2}.get(name, 0) == len(told)
    for path in told:
        table = at(on_disk, path).split(" of ")[1].split()[0].rstrip(".")
        assert (resources.content_root() / table).is_file()
        assert at(loaded, (*path[:-1], "enum"))
    assert not [path for path in places(loaded) if path and path[-1] == "$comment"]


# SHA-256, 16 digits, of the JSON of each schema as it was when the values stood in the files: the
# narrowed ones are part of each request's key.
AS_BEFORE = {
    "happiness": ("c277b1735982daaf", "eb56a820d891056f"),
    "neutral": ("54e11d3dd184e8d0", "9cc0f34a892e3f04"),
    "grief": ("09a377e26cf68094", "5179616494a8a2fe"),
    "ambiguous": ("529c4241ef1efdba", "0677fb813fdd8724"),
    "other": ("609dcef8cb55adfb", "03342e52dbdca256"),
    "nostalgia": ("d5535fe5e3dee792", "a4e9ed548c6c06f5"),
}


def digest(schema: dict[str, Any]) -> str:
    return sha256(orjson.dumps(schema)).hexdigest()[:16]


@pytest.mark.parametrize("node", AS_BEFORE)
def test_the_schema_of_version_1_of_the_prompt_has_the_bytes_it_always_had(node):
    words = vocabulary.vocabulary()
    label = Emotions(node, words.root_of(node), words.valence(node), words.arousal(node))
    found = [
        digest(in_first_order(narrowed_reply(allowed, vocabulary.allowed_emotions(label))))
        for allowed in (strategies.allowed(label, own) for own in (0, 2))
    ]
    assert tuple(found) == AS_BEFORE[node]


def test_the_whole_schemas_have_the_bytes_they_always_had():
    assert digest(load_schema("sample")) == "9d960860c056ee5f"
    assert digest(load_schema("reply")) == "5081b5a94f0ef426"


def test_a_narrowed_reply_allows_only_what_its_label_does_and_leaves_the_schema_alone():
    before = copy.deepcopy(load_schema("reply"))
    narrow = Validator(narrowed_reply(["celebration", "inquiry"], ["pride", "happiness"]))
    own = reply(awareness={"act": "names", "emotions": ["pride"]})
    assert violations(narrow, own) == []
    for other in (
        {**own, "strategies": ["validation"]},
        {**own, "awareness": {"act": "names", "emotions": ["sadness"]}},
    ):
        assert violations(narrow, other)
        assert violations(validator("reply"), other) == []
    assert load_schema("reply") == before


def test_a_reply_is_decided_before_it_is_worded():
    """Models write in the order of the schema: what stands last follows from what stands first."""
    order = ["awareness", "strategies", "emotion", "text"]
    narrow = narrowed_reply(["celebration"], ["pride"], ["happiness", "neutral"])
    assert list(narrow["properties"]) == narrow["required"] == order
    assert narrow["properties"]["emotion"]["enum"] == ["happiness", "neutral"]
    first = in_first_order(narrow)
    assert list(first["properties"]) == first["required"] == [*reversed(order[2:]), *order[1::-1]]


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """Follow references and take the alternative that is not null."""
    while "$ref" in node or "anyOf" in node:
        if "$ref" in node:
            node = load_schema("sample")["$defs"][node["$ref"].rsplit("/", 1)[1]]
        else:
            node = next(option for option in node["anyOf"] if option.get("type") != "null")
    return node


def field(path: str) -> dict[str, Any]:
    """Return the schema of a field as ``annotation.votes[].rater``; KeyError if it has none."""
    node = resolve(load_schema("sample"))
    for name in path.split("."):
        node = resolve(node["properties"][name.removesuffix("[]")])
        if name.endswith("[]"):
            node = resolve(node["items"])
    return node


IN_THE_RECORD = """
    source.evaluation_overlap[] source.folds[] source.context
    annotation.raw annotation.source annotation.match_leaf annotation.match_root
    annotation.mapping_version
    annotation.votes[].rater annotation.votes[].label annotation.votes[].count annotation.agreement
    annotation.intensity annotation.dimensions[].name annotation.dimensions[].value
    annotation.dimensions[].rater annotation.dimensions[].minimum annotation.dimensions[].maximum
    annotation.views[].name annotation.views[].label annotation.views[].votes[].count
    annotation.views[].agreement annotation.views[].level annotation.elicitor annotation.conduct
    target_utterance.emotions.secondary target_utterance.emotions.alternatives[]
    target_utterance.emotions.valence target_utterance.emotions.arousal
    background.text background.origin
    text_context[].audio_sha256 text_context[].gap_seconds text_context[].role
    audio_info.findings[].code audio_info.findings[].value audio_info.sha256_pcm
    audio_info.source_file audio_info.source_sha256 audio_info.start audio_info.end
    audio_info.speech.by audio_info.speech.share audio_info.speech.start audio_info.speech.end
    audio_info.quality.overall audio_info.quality.signal audio_info.quality.background
    audio_info.transcript.text audio_info.transcript.word_error_rate audio_info.transcript.model
    audio_info.synthesis.engine audio_info.synthesis.voice audio_info.synthesis.word_error_rate
    reply_audio.bytes
    desired_response.synthesis.engine desired_response.synthesis.voice
    desired_response.synthesis.sha256_pcm desired_response.synthesis.seed
    voice.descriptors[].name voice.descriptors[].value voice.descriptors[].unit
    voice.descriptors[].z voice.reference voice.words voice.caption voice.reliable
    audio_contribution.class audio_contribution.text_votes audio_contribution.audio_votes
    audio_contribution.votes[].model audio_contribution.votes[].emotion
    contrast.group contrast.role contrast.twin_of[]
    drafting.heard_audio drafting.output_terms drafting.candidates[].request_key
    plan.strategies[] plan.min_words plan.max_words plan.emotions[] plan.by
    demonstrations.ids[] demonstrations.set_digest video.source_file video.start
    executed.strategies[].strategy executed.strategies[].start executed.by executed.adherence
    target_utterance.flags[] text_context[].flags[] checks.set_version
    drafting.coercions[].field drafting.coercions[].from drafting.coercions[].to
    drafting.attempts drafting.request_key drafting.prompt_version drafting.provider
    drafting.model checks.results[].code checks.results[].severity checks.results[].value
    safety.route safety.codes[] safety.by safety.pii.text safety.pii.sound
    judgements[].test judgements[].dimension judgements[].value judgements[].fit
    review.status review.policy review.reviewers review.ratings[].scale
    review.ratings[].mean review.ratings[].count review.flags[] review.emotion.heard
    review.emotion.policy review.emotion.votes[].emotion review.emotion.votes[].count
    rights.licence rights.audio rights.text rights.labels rights.derived
    reference_response.id reference_response.speaker reference_response.text
""".split()

VALUES_IN_THE_RECORD = {
    "source.context": {"dialogue", "same_speaker", "none"},
    "background.origin": {"goal", "situation", "scenario", "scene", "summary"},
    "annotation.source": {"intended", "voice", "audio_visual", "text", "self", "review", None},
    "audio_info.origin": {"acted", "natural", "synthetic", "none"},
    "voice.reference": {"speaker", "group", "corpus", "none"},
    "audio_contribution.class": {"text_solvable", "audio_solvable", "unsupported", None},
    "source.split": {"train", "dev", "test", "all"},
    "rights.audio": {"yes", "no", "unknown"},
}


@pytest.mark.parametrize("path", IN_THE_RECORD)
def test_what_later_work_puts_in_the_record_has_a_place(path):
    kind = field(path)
    assert "enum" in kind or "const" in kind or kind["type"] not in ("object", "array")


@pytest.mark.parametrize("path", VALUES_IN_THE_RECORD)
def test_what_later_work_says_in_the_record_has_a_word(path):
    assert set(field(path)["enum"]) == VALUES_IN_THE_RECORD[path]
