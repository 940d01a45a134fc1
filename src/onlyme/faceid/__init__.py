"""Put the parts together: `FaceID`, what it is made of, and what works on a whole vault.

`wiring` is the only module that chooses implementations.
"""
