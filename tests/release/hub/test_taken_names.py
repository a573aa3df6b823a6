"""No column of a published config has a name under which a trainer expects something else."""

from __future__ import annotations

import pytest
from builds import ROOT

from builders.labels.tables import read_rows
from builders.record.parquet import features_of
from builders.release.layouts import AUDIO_CLASSES, CONFIGS, schemas_of
from builders.release.rights import KINDS

COLUMNS = ("name", "holds", "trainer", "source")
TAKEN = {
    row.text("name"): row.text("holds")
    for row in read_rows(ROOT / "builders/release/taken_names.tsv", COLUMNS, key=("name",))
}
MAY = frozenset({*KINDS, "pointers"})
CASES = [(config, audio) for config in CONFIGS for audio in (False, True)]


def kind_of(feature):
    """Return what lies in a column, in the words of the table."""
    if isinstance(feature, list):
        item = feature[0]
        return "conversation" if set(item) == {"role", "content"} else "list"
    if feature.get("_type") == "Audio":
        return "clip"
    if feature.get("_type") != "Value":
        return "object"
    return {"string": "text", "bool": "verdict"}.get(feature["dtype"], feature["dtype"])


@pytest.mark.parametrize(("config", "with_audio"), CASES)
def test_a_config_has_under_a_taken_name_what_the_trainer_expects(config, with_audio):
    kind = "default" if config in AUDIO_CLASSES else config
    features = features_of(schemas_of(MAY, with_audio)[kind])
    for name in TAKEN.keys() & features.keys():
        held = TAKEN[name]
        assert kind_of(features[name]) == {"answer": "text"}.get(held, held), (config, name)


def test_the_name_that_broke_a_trainer_is_found():
    """The table tells token labels, the clip, and the turns of a conversation apart."""
    assert TAKEN["labels"] == "nothing" and TAKEN["audio"] == "clip"
    features = features_of(schemas_of(MAY, False)["default"])
    assert kind_of(features["prompt"]) == kind_of(features["messages"]) == "conversation"
    assert kind_of(features["audio"]) == "clip" and kind_of(features["duration"]) == "float64"
