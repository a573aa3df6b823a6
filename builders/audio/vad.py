"""Voice activity: how much of a clip is speech, by Silero's VAD model instead of by energy.

Music, audience laughter and traffic are loud but not speech; energy cannot tell them apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from builders.audio.features import PAUSE
from builders.audio.onnx_models import session_of, versions_of
from builders.audio.resampling import RATE
from builders.audio.weights import checked

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL = "silero_vad_v6"
_EXTRA = "find-speech"
_CARRIER = "faster_whisper"
# The model takes a piece of 32 ms and the last 4 ms before it, and what it remembers of the rest.
_PIECE, _BEFORE, _MEMORY = 512, 64, (1, 1, 128)
_SPEECH = 0.5
# Pieces that are looked at in one run: a bound on memory, not on the length of a clip.
_BLOCK = 1_000


class SpeechFinder:
    """Finds speech in clips; threads may share it.

    Raises:
        ConfigError: the extra is not installed, or its model is not the one that was tested.
    """

    def __init__(self) -> None:
        self.version()
        path = checked(f"{_CARRIER}/assets/{MODEL}.onnx", _EXTRA)
        self._session: InferenceSession = session_of(path)

    @staticmethod
    def version() -> str:
        """Return what changes the speech that is found; raises ConfigError as the constructor."""
        return f"{MODEL} 1 {versions_of(_EXTRA, _CARRIER, 'onnxruntime')}"

    def find(self, pcm: NDArray[np.int16]) -> dict[str, float | None]:
        """Return the speech of 16-bit mono PCM at 16 kHz.

        It has `share` (of the clip, 0 to 1; pauses shorter than `PAUSE` are part of speech) and
        `start` and `end` of all speech in seconds, which are None where there is none.
        """
        found = np.flatnonzero(self._probabilities(pcm) >= _SPEECH)
        if not len(found):
            return {"share": 0.0, "start": None, "end": None}
        gaps = np.diff(found) - 1
        short = gaps[gaps * _PIECE < PAUSE * RATE].sum()
        seconds = len(pcm) / RATE
        spoken = (len(found) + short) * _PIECE / RATE
        return {
            "share": round(min(1.0, float(spoken) / seconds), 4),
            "start": round(float(found[0]) * _PIECE / RATE, 3),
            "end": round(min(seconds, float(found[-1] + 1) * _PIECE / RATE), 3),
        }

    def _probabilities(self, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
        """Return how likely each piece is speech, 0 to 1."""
        count = -(-len(pcm) // _PIECE)
        padded = np.zeros(_BEFORE + count * _PIECE, np.int16)
        padded[_BEFORE : _BEFORE + len(pcm)] = pcm
        pieces = np.lib.stride_tricks.sliding_window_view(padded, _BEFORE + _PIECE)[::_PIECE]
        h = c = np.zeros(_MEMORY, np.float32)
        found = [np.zeros(0, np.float32)]
        for at in range(0, count, _BLOCK):
            block = pieces[at : at + _BLOCK].astype(np.float32) / 32768
            likely, h, c = self._session.run(None, {"input": block, "h": h, "c": c})
            found.append(likely.ravel())
        return np.concatenate(found)
