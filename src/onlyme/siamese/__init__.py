"""Embeddings of ME and NOT_ME come in; a margin, an alpha and what it costs go out."""

from onlyme.siamese.calibrate import MissRate
from onlyme.siamese.certificate import OwnerCertificate, make_certificate
from onlyme.siamese.head import Base
from onlyme.siamese.learned import LearnedOwner, LearningReport
from onlyme.siamese.learning import PhotoValue, learn_owner, leave_one_out

__all__ = [
    "Base",
    "LearnedOwner",
    "LearningReport",
    "MissRate",
    "OwnerCertificate",
    "PhotoValue",
    "learn_owner",
    "leave_one_out",
    "make_certificate",
]
