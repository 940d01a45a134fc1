"""Scores, or embeddings with names, come in; error rates with intervals and a report go out.

`run` is the whole evaluation, `to_json` and `to_html` its report; `metrics` and
`intervals` hold the figures one by one.
"""

from onlyme.evaluate.cache import Embedded, embed_files, erase
from onlyme.evaluate.evaluation import Evaluation, run
from onlyme.evaluate.groups import read_groups
from onlyme.evaluate.owners import Learn, Learned, LearnFor, OwnerStudy, Progress, study_owners
from onlyme.evaluate.pair_verification import PairStudy, verify_pairs
from onlyme.evaluate.pairs import Pair, Photo, list_people, make_pairs, read_pairs, write_pairs
from onlyme.evaluate.report.report import pictured, to_html, to_json
from onlyme.evaluate.resample import miss_rate, miss_ratio

__all__ = [
    "Embedded",
    "Evaluation",
    "Learn",
    "LearnFor",
    "Learned",
    "OwnerStudy",
    "Pair",
    "PairStudy",
    "Photo",
    "Progress",
    "embed_files",
    "erase",
    "list_people",
    "make_pairs",
    "miss_rate",
    "miss_ratio",
    "pictured",
    "read_groups",
    "read_pairs",
    "run",
    "study_owners",
    "to_html",
    "to_json",
    "verify_pairs",
    "write_pairs",
]
