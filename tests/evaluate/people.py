"""Made-up people: unit vectors about a centre of their own, and a plain scorer."""

from statistics import NormalDist

import numpy as np


def crowd(people=40, photos=8, *, spread=0.6, dimension=32, seed=0):
    """Return float32[n, d] embeddings, their labels and sources."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(people, dimension)) / np.sqrt(dimension)
    noise = generator.normal(size=(people, photos, dimension)) / np.sqrt(dimension)
    vectors = (centres[:, None] + spread * noise).reshape(-1, dimension)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = [f"P{i:03d}" for i in range(people) for _ in range(photos)]
    sources = [
        f"P{i:03d}/P{i:03d}_{j:04d}.jpg" for i in range(people) for j in range(1, photos + 1)
    ]
    return vectors.astype(np.float32), labels, sources


class Template:
    """The owner's mean; alpha from a normal fit to what the cohort scores."""

    def __init__(self, me, cohort):
        self.mean = me.mean(axis=0) / np.linalg.norm(me.mean(axis=0))
        scores = cohort @ self.mean
        self.fit = NormalDist(float(scores.mean()), float(scores.std()))

    def margins(self, embeddings):
        return (embeddings @ self.mean).astype(np.float64)

    def alpha_at(self, far):
        return self.fit.inv_cdf(1 - far)


def learner(cohort):
    """Return what learns an owner, with a cohort of strangers for its alpha."""
    return lambda me: Template(me, cohort)
