"""Decide about one attempt: several frames of one face, fused into one decision."""
