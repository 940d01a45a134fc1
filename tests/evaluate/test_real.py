"""Real photos, the real network and the real head, all the way to the page."""

from collections import Counter

import numpy as np
import pytest

import onlyme
from onlyme.evaluate import (
    EvaluationPlan,
    LabelledEmbeddings,
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
    listed = list_people(data / "lfw_dev")
    counts = Counter(photo.person for photo in listed)
    chosen = [person for person in sorted(counts) if counts[person] == 6][:14]
    photos = [photo for photo in listed if photo.person in chosen]
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
        LabelledEmbeddings(
            found.vectors,
            [photo.person for photo in used],
            [photo.source for photo in used],
            unusable=[photos[row].source for row in found.unusable],
            title="lfw_dev",
            model=model,
        ),
        EvaluationPlan(photos=4),
        lambda me: learn_owner(base, me),
        pairs=make_pairs(photos, folds=2),
    )
    assert evaluation.owners is not None
    assert evaluation.owners.is_calibrated
    # Fourteen people are too few to measure, but the two histograms lie far apart.
    assert np.median(evaluation.owners.genuine) > evaluation.owners.impostors.margins[10]
    assert evaluation.pairs is not None
    assert evaluation.pairs.accuracy.mean > 0.95
    assert "Too few comparisons to say" in to_json(evaluation)
    shown = list_pictured_sources(evaluation)
    thumbnails = {source: (data / "lfw_dev" / source).read_bytes() for source in shown}
    assert to_html(evaluation, thumbnails).count("data:image/jpeg;base64,") >= 2 * 10
