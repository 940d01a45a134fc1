"""Embeddings of ME and NOT_ME come in; a margin, an alpha and what it costs go out."""

from onlyme.siamese.calibrate import Miss
from onlyme.siamese.head import Base
from onlyme.siamese.owner import Learned, Report, learn

__all__ = ["Base", "Learned", "Miss", "Report", "learn"]
