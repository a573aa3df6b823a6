"""Sound quality: the listener rating of a recording, from 1 to 5, as predicted by DNSMOS.

After Reddy, Gopal & Cutler (2022), "DNSMOS P.835", ICASSP: a model that takes 9.01 s of sound, and
curves that bring what it says onto the listeners' scale. The model is the one that the package
speechmos carries, run without what that package needs beside it. A window takes 0.4 s of a core.

That package repeats a short clip until it fills up to nine windows. Here it fills one, which is as
many times quicker and at most a tenth of a point off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from builders.audio.onnx_models import session_of, versions_of
from builders.audio.resampling import RATE
from builders.audio.weights import checked

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_EXTRA = "rate-sound"
_CARRIER = "speechmos"
_MODEL = "sig_bak_ovr"
_SECONDS = 9.01
_WINDOW = int(_SECONDS * RATE)
# The curves of the authors' release, the constant last.
_CURVES = {
    "signal": (-0.08397278, 1.22083953, 0.0052439),
    "background": (-0.13166888, 1.60915514, -0.39604546),
    "overall": (-0.06766283, 1.11546468, 0.04602535),
}


class QualityRater:
    """Rates the sound of clips; threads may share it.

    Raises:
        ConfigError: the extra is not installed, or its model is not the one that was tested.
    """

    def __init__(self) -> None:
        self.version()
        path = checked(f"{_CARRIER}/dnsmos_models/{_MODEL}.onnx", _EXTRA)
        self._session: InferenceSession = session_of(path)

    @staticmethod
    def version() -> str:
        """Return what changes the ratings; raises ConfigError as the constructor."""
        return f"dnsmos 1 {versions_of(_EXTRA, _CARRIER, 'onnxruntime')}"

    def rate(self, pcm: NDArray[np.int16]) -> dict[str, float]:
        """Return `overall`, `signal` and `background` of 16-bit mono PCM at 16 kHz, each 1 to 5.

        The mean over windows a second apart; a clip shorter than a window is repeated to fill one.
        """
        sound = pcm.astype(np.float32) / np.float32(32768)
        if len(sound) < _WINDOW:
            sound = np.resize(sound, _WINDOW)
        starts = range(0, RATE * (1 + max(0, int(len(sound) // RATE - _SECONDS))), RATE)
        rated = np.array([self._raw(sound[at : at + _WINDOW]) for at in starts], np.float64)
        return {
            name: round(float(np.polyval(curve, rated[:, n]).mean()), 3)
            for n, (name, curve) in enumerate(_CURVES.items())
        }

    def _raw(self, window: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the model says of a window: signal, background, overall."""
        said: NDArray[np.float32] = self._session.run(None, {"input_1": window[None]})[0][0]
        return said
