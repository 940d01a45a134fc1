"""Combine the parts: `FaceID`, the parts it is made of, and work on whole vaults and galleries.

`wiring` and `networks` are the only modules that choose implementations.
"""
