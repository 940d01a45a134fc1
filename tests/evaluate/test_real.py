"""Real photos, the real network and the real head, all the way to the page."""

from collections import Counter

import numpy as np
import pytest

import onlyme
from onlyme.evaluate import (
    embed_files,
    list_people,
    list_pictured_sources,
    make_pairs,
    run_evaluation,
    to_html,
    to_json,
)
from onlyme.face.models import find_model
from onlyme.siamese.head import Base
from onlyme.siamese.learning import learn_owner


@pytest.mark.data
def test_a_folder_of_people_becomes_a_report(data, tmp_path):
    everybody = list_people(data / "lfw_dev")
    counts = Counter(photo.person for photo in everybody)
    chosen = [person for person in sorted(counts) if counts[person] == 6][:14]
    photos = [photo for photo in everybody if photo.person in chosen]
    model = find_model("embedder").sha256
    found = embed_files(
        [data / "lfw_dev" / photo.source for photo in photos],
        lambda path: onlyme.embed(path).vector,
        model=model,
        folder=tmp_path,
    )
    assert len(found.rows) + len(found.unusable) == len(photos) == 14 * 6
    assert len(found.rows) >= 80
    used = [photos[row] for row in found.rows]
    base = Base.load(model)
    evaluation = run_evaluation(
        found.vectors,
        [photo.person for photo in used],
        [photo.source for photo in used],
        lambda me: learn_owner(base, me),
        photos=4,
        pairs=make_pairs(photos, folds=2),
        unusable=[photos[row].source for row in found.unusable],
        title="lfw_dev",
        model=model,
    )
    assert evaluation.owners is not None
    assert evaluation.owners.is_calibrated
    # Fourteen people are no measurement, but these two heaps lie far apart.
    assert np.median(evaluation.owners.genuine) > evaluation.owners.impostors.margins[10]
    assert evaluation.pairs is not None
    assert evaluation.pairs.accuracy.mean > 0.95
    assert "Too few comparisons to say" in to_json(evaluation)
    shown = list_pictured_sources(evaluation)
    thumbnails = {source: (data / "lfw_dev" / source).read_bytes() for source in shown}
    assert to_html(evaluation, thumbnails).count("data:image/jpeg;base64,") >= 2 * 10
