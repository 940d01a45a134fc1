"""Ask the REST service from Python, with types: `Client` has a method for each of its routes.

It needs the standard library alone. `documents.py` and `routes.py` are written by
tools/rest_client.py from the service's OpenAPI document.

>>> from onlyme.serve.client import Client
>>> door = Client("http://127.0.0.1:8000", token="onlyme_…")        # doctest: +SKIP
>>> door.verify("ada", "visitor.jpg")["accepted"]                    # doctest: +SKIP
True
"""

from __future__ import annotations

from onlyme.serve.client.routes import Client
from onlyme.serve.client.transport import Picture, Pictures, RefusedError

__all__ = ["Client", "Picture", "Pictures", "RefusedError"]
