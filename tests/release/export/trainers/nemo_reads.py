"""Run beside NeMo: the SALM reader of conversations opens every clip."""

import json
import sys

from nemo.collections.common.data.lhotse.text_adapters import (
    AudioTurn,
    NeMoMultimodalConversationJsonlAdapter,
    TextTurn,
)

told = []
reader = NeMoMultimodalConversationJsonlAdapter(
    f"{sys.argv[1]}/train.jsonl", audio_locator_tag="<audio>"
)
for row in reader:
    told.append(
        {
            "id": row.id,
            "roles": [turn.role for turn in row.turns],
            "samples": [t.cut.load_audio().shape[1] for t in row.turns if isinstance(t, AudioTurn)],
            "reply": row.turns[-1].value if isinstance(row.turns[-1], TextTurn) else None,
            "custom": row.custom,
        }
    )
print(json.dumps(told))
