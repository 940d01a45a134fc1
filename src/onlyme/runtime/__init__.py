"""Run the networks on another engine than OpenCV.

OpenCV is the reference and is loaded in `face`. Another engine is used only if it agrees with
OpenCV; see `onlyme.runtime.agreement`.
"""

from typing import Final

__all__ = ["VERSIONS"]

VERSIONS: Final = {"opencv": 1, "openvino": 1}
"""Version of each runtime. Raise it when a change of how a network is loaded (in
`face/models/opencv.py` or `runtime/openvino.py`) gives other outputs; see
`onlyme.face.versions`."""
