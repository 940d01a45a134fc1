"""Try the challenge with simulated paper, recorded heads and living heads."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import cv2
import numpy as np
from paper import Holder, papers

from onlyme.face.subject import choose_subject
from onlyme.face.tracker import FaceContinuity
from onlyme.faceid import networks
from onlyme.image.decode import decode
from onlyme.image.sources import read_frames
from onlyme.liveness.challenge import Challenge, Phase, draw_steps, is_allowed
from onlyme.liveness.gestures import Gesture
from onlyme.types import Face
from onlyme.verification.gesture import make_gray

RATE = 10.0
LONGEST = 40.0
OWN = (Gesture.LEFT, Gesture.RIGHT, Gesture.NOD)  # how the head of tranvan_live moves, in order


def simulated(pipeline, mesh, path, seed):
    """Simulate one attacker with one photo; return how the challenge ended."""
    photo = decode(path).pixels
    face = choose_subject(pipeline.detector.detect(photo), photo.shape)
    if not isinstance(face, Face):
        return None
    big = cv2.resize(photo, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    paper = papers(np.random.default_rng(seed))
    holder = Holder(big, face.landmarks[2] * 2, face.box[2] * 2, paper, seed)
    challenge = Challenge(draw_steps(3, random.Random(seed)))  # noqa: S311 - to be repeated
    continuity, detector = FaceContinuity(), pipeline.follow().detector
    same = np.eye(1, 128, dtype=np.float32)[0]  # the recogniser is fooled: it is the owner's photo
    reached, number = 0, 0
    while challenge.phase not in (Phase.DONE, Phase.FAILED) and number / RATE < LONGEST:
        at = number / RATE
        asked = challenge.current_step if challenge.phase is Phase.MOVE else None
        frame = holder.frame(at, asked.value if asked else None)
        found = choose_subject(detector.detect(frame), frame.shape)
        head, continues = None, None
        if isinstance(found, Face):
            continues = continuity.add_face(at, found, same)
            head = mesh.read(frame, found)
        challenge.add_frame(at, make_gray(frame), head, continues=continues)
        reached = max(reached, challenge._number)  # noqa: SLF001 - to count the steps passed
        number += 1
    return paper.kind, challenge, reached


def recorded(pipeline, mesh, path, rate=15.0):
    """Return the frames of a clip as a challenge gets them."""
    due, frames = 0.0, []
    for frame in read_frames(path):
        if frame.at + 1e-3 >= due:
            due = frame.at + 1 / rate - 1e-3
            observation = pipeline.look(frame)
            vector = observation.embedding.vector if observation.embedding else None
            seen = vector is not None and observation.face is not None
            head = mesh.read(frame.pixels, observation.face) if seen else None
            frames.append((frame.at, make_gray(frame.pixels), observation.face, head, vector))
    return frames


def answered(frames, steps, start=0.0):
    challenge, continuity = Challenge(steps), FaceContinuity()
    for at, gray, face, head, vector in frames:
        if at < start:
            continue
        continues = None
        if face is not None and vector is not None:
            continues = continuity.add_face(at, face, vector)
        phase = challenge.add_frame(at, gray, head, continues=continues)
        if phase in (Phase.DONE, Phase.FAILED):
            break
    return challenge


def passing(frames, every, start):
    """Return the sequences that a recording passes when it is played from a moment on.

    The steps after a failed one make no difference, so one failure decides many sequences.
    """
    failed, passed = set(), []
    for steps in every:
        if any(steps[:n] in failed for n in range(1, len(steps) + 1)):
            continue
        challenge = answered(frames, steps, start)
        if challenge.phase is Phase.DONE:
            passed.append(steps)
        else:
            failed.add(steps[: challenge._number + 1])  # noqa: SLF001 - to count the steps passed
    return passed


def sequences(count):
    """Return every sequence that can be drawn."""
    return [steps for steps in itertools.product(Gesture, repeat=count) if is_allowed(steps)]


def challenge_figures(pipeline, data, count):
    """Print the challenge's results; those of simulated paper test geometry, not error rates."""
    mesh = networks.load_mesh(pipeline.runtime)
    people = sorted((data / "lfw_dev").glob("*/*_0001.jpg"))
    count = min(count, len(people))
    chosen = random.Random(0).sample(people, count)  # noqa: S311 - to be repeated
    ends, passed, steps = Counter(), 0, Counter()
    for seed, path in enumerate(chosen):
        result = simulated(pipeline, mesh, path, seed)
        if result is None:
            ends["no face"] += 1
            continue
        kind, challenge, reached = result
        ends[kind] += 1
        steps[reached] += 1
        passed += challenge.phase is Phase.DONE
    tried = sum(steps.values())
    print(f"\nsimulated paper, {tried} photos: {passed} accepted (geometry only, not an APCER)")
    print(f"  shapes {dict(ends)}; steps that were passed, of 3: {dict(sorted(steps.items()))}")
    for clip in ("tranvan_live", "tranvan_replay"):
        frames = recorded(pipeline, mesh, data / f"clips/{clip}.mp4")
        every = sequences(3)
        done = {
            (steps, start) for start in (0.0, 5.0, 10.0) for steps in passing(frames, every, start)
        }
        names = sorted({"-".join(steps) for steps, _ in done})
        print(f"\n{clip} played to each of {len(every)} sequences, from 3 moments: passes "
              f"{len(done)} of {3 * len(every)}: {', '.join(names) or 'none'}")  # fmt: skip
        if clip == "tranvan_live":
            own = "passes" if any(steps == OWN for steps, _ in done) else "fails"
            print(f"  asked for the movements of that head ({'-'.join(OWN)}): {own}")
