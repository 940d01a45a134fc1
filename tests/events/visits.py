"""Make visits of invented people without a name."""

from datetime import UTC, datetime, timedelta

import numpy as np

from onlyme.events.unknown import UnknownVisit


def make_faces(seed, count, spread=0.35, dimension=128):
    """Embeddings of one invented person."""
    rng = np.random.default_rng(seed)
    centre = rng.standard_normal(dimension)
    centre /= np.linalg.norm(centre)
    noise = rng.standard_normal((count, dimension)) / np.sqrt(dimension)
    faces = centre + spread * noise
    return (faces / np.linalg.norm(faces, axis=1, keepdims=True)).astype(np.float32)


def make_visit(seed=1, hours=0.0, picture=b"PICTURE", model="m", camera="front", part=0):
    vectors = make_faces(seed, 20)[4 * part : 4 * part + 4]
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=hours)
    return UnknownVisit(camera, began, 4.0, model, vectors, picture)


def keep_visits(face_id):
    """Keep three visits of one person, two of another, one of a third: pictures P10 to P30."""
    model = face_id._parts.base.model
    with face_id.open_events() as events:
        for seed, part, hours in ((1, 0, 9), (2, 0, 8), (1, 1, 7), (3, 0, 6), (2, 1, 5), (1, 2, 4)):
            assert events.add_unknown(
                make_visit(seed, hours, b"P%d%d" % (seed, part), model, part=part)
            )
