"""Embeddings of ME and NOT_ME come in; a margin, an alpha and what it costs go out."""

from onlyme.siamese.calibrate import Miss
from onlyme.siamese.certificate import Certificate, certificate
from onlyme.siamese.head import Base
from onlyme.siamese.learned import Learned, Report
from onlyme.siamese.learning import PhotoValue, learn, leave_one_out

__all__ = [
    "Base",
    "Certificate",
    "Learned",
    "Miss",
    "PhotoValue",
    "Report",
    "certificate",
    "learn",
    "leave_one_out",
]
