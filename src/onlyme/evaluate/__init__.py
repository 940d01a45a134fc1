"""Scores, or embeddings with names, come in; error rates with intervals and a report go out."""
