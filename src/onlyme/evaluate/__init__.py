"""Measure error rates of scores or embeddings, with intervals, and write a report.

`run_evaluation` is the whole evaluation; `to_json` and `to_html` are its report.
`metrics` and `intervals` compute single figures.
"""

from onlyme.evaluate.cache import EmbeddingCache, embed_files, embed_many_files, erase_cache
from onlyme.evaluate.evaluation import Evaluation, run_evaluation
from onlyme.evaluate.groups import read_groups
from onlyme.evaluate.owners import (
    OwnerLearner,
    OwnerLearnerFactory,
    OwnerMatcher,
    OwnerStudy,
    StageProgress,
    study_owners,
)
from onlyme.evaluate.pair_verification import PairStudy, verify_pairs
from onlyme.evaluate.pairs import Pair, Photo, list_people, make_pairs, read_pairs, write_pairs
from onlyme.evaluate.plan import EvaluationPlan, LabelledEmbeddings
from onlyme.evaluate.report.report import list_pictured_sources, to_html, to_json
from onlyme.evaluate.resample import miss_rate, miss_ratio

__all__ = [
    "EmbeddingCache",
    "Evaluation",
    "EvaluationPlan",
    "LabelledEmbeddings",
    "OwnerLearner",
    "OwnerLearnerFactory",
    "OwnerMatcher",
    "OwnerStudy",
    "Pair",
    "PairStudy",
    "Photo",
    "StageProgress",
    "embed_files",
    "embed_many_files",
    "erase_cache",
    "list_people",
    "list_pictured_sources",
    "make_pairs",
    "miss_rate",
    "miss_ratio",
    "read_groups",
    "read_pairs",
    "run_evaluation",
    "study_owners",
    "to_html",
    "to_json",
    "verify_pairs",
    "write_pairs",
]
