"""Run the daemon with gestures that a file names, one after the other, in place of drawn ones.

A test must know the gesture before the camera's video is chosen. That the daemon draws with the
system's own randomness is tested apart.
"""

import sys
from pathlib import Path

from onlyme.liveness.gestures import Gesture
from onlyme.unlock.__main__ import main
from onlyme.unlock.daemon import gesture_request

if __name__ == "__main__":
    named = Path(sys.argv[1])
    gesture_request.draw = lambda: Gesture(named.read_text())
    main()
