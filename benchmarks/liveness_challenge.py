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
from onlyme.image.sources import read_frames
from onlyme.liveness import challenge as rules
from onlyme.liveness.challenge import Challenge, ChallengeStep, Phase, draw_steps, is_allowed
from onlyme.liveness.rigidity import measure_rigidity
from onlyme.types import Face

RATE = 10.0
LONGEST = 40.0
OWN = (
    ChallengeStep.LEFT,
    ChallengeStep.RIGHT,
    ChallengeStep.NOD,
)  # how the head of tranvan_live moves, in order


def gray(pixels):
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def simulated(detector, path, seed):
    """Simulate one attacker with one photo; return how the challenge ended."""
    from onlyme.image.decode import decode

    photo = decode(path).pixels
    face = choose_subject(detector.detect(photo), photo.shape)
    if not isinstance(face, Face):
        return None
    big = cv2.resize(photo, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    rng = np.random.default_rng(seed)
    paper = papers(rng)
    holder = Holder(big, face.landmarks[2] * 2, face.box[2] * 2, paper, seed)
    challenge = Challenge(draw_steps(3, random.Random(seed)))  # noqa: S311 - to be repeated
    continuity = FaceContinuity()
    same = np.eye(1, 128, dtype=np.float32)[0]  # the recogniser is fooled: it is the owner's photo
    worst, reached, number = 0.0, 0, 0
    while challenge.phase not in (Phase.DONE, Phase.FAILED) and number / RATE < LONGEST:
        at = number / RATE
        asked = challenge.current_step if challenge.phase is Phase.MOVE else None
        frame = holder.frame(at, asked.value if asked else None)
        found = choose_subject(detector.detect(frame), frame.shape)
        face = found if isinstance(found, Face) else None
        continues = face is not None and continuity.add_face(at, face, same)
        challenge.add_frame(at, gray(frame), face, continues=continues)
        tracks = challenge._tracks  # noqa: SLF001 - to measure by how much it fails
        motion = measure_rigidity(tracks) if tracks else None
        if motion and max(abs(motion.x), abs(motion.y)) >= rules.MIN_LEAD_EYE_DISTANCES:
            worst = max(worst, motion.ahead)
        reached = max(reached, challenge._number)  # noqa: SLF001 - as above
        number += 1
    return paper.kind, challenge, worst, reached


def recorded(pipeline, path, rate=15.0):
    """Return the frames of a clip as a challenge gets them."""
    due, frames = 0.0, []
    for frame in read_frames(path):
        if frame.at + 1e-3 >= due:
            due = frame.at + 1 / rate - 1e-3
            observation = pipeline.look(frame)
            vector = observation.embedding.vector if observation.embedding else None
            frames.append((frame.at, gray(frame.pixels), observation.face, vector))
    return frames


def answered(frames, steps, start=0.0):
    challenge, continuity = Challenge(steps), FaceContinuity()
    for at, pixels, face, vector in frames:
        if at < start:
            continue
        face = face if vector is not None else None
        continues = face is not None and continuity.add_face(at, face, vector)
        phase = challenge.add_frame(at, pixels, face, continues=continues)
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
    return [steps for steps in itertools.product(ChallengeStep, repeat=count) if is_allowed(steps)]


def challenge_figures(pipeline, data, count):
    """Print the challenge's results; those of simulated paper test geometry, not error rates."""
    people = sorted((data / "lfw_dev").glob("*/*_0001.jpg"))
    count = min(count, len(people))
    chosen = random.Random(0).sample(people, count)  # noqa: S311 - to be repeated
    ends, worst, passed, steps = Counter(), {}, 0, Counter()
    for seed, path in enumerate(chosen):
        result = simulated(pipeline.detector, path, seed)
        if result is None:
            ends["no face"] += 1
            continue
        kind, challenge, most, reached = result
        ends[kind] += 1
        steps[reached] += 1
        passed += challenge.phase is Phase.DONE
        worst.setdefault(kind, []).append(most)
    tried = sum(steps.values())
    print(f"\nsimulated paper, {tried} photos: {passed} accepted (geometry only, not an APCER)")
    print(f"  shapes {dict(ends)}; steps that were passed, of 3: {dict(sorted(steps.items()))}")
    for kind, values in sorted(worst.items()):
        most, quantile = max(values), np.quantile(values, 0.95)
        print(
            f"  {kind}: nose ahead by at most {most:.3f}, 95 % below {quantile:.3f}; "
            f"{rules.MIN_AHEAD_EYE_DISTANCES} is needed"
        )
    for clip in ("tranvan_live", "tranvan_replay"):
        frames = recorded(pipeline, data / f"clips/{clip}.mp4")
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
