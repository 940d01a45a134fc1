"""A store of a dictionary and plain loops, to compare the real stores with."""

from onlyme.gallery.stores.protocol import Count, Hit


class Plain:
    """Holds everything in memory, for one process."""

    def __init__(self, dimension):
        self.model = "ab" * 32
        self.dimension = dimension
        self.held = {}
        self.written = {}
        self.version = 0

    def replace(self, rows, was=None):
        was = was or {}
        late = set()
        for row in rows:
            now = self.held[row.key].sealed if row.key in self.held else None
            if row.key in was and was[row.key] != now:
                late.add(row.key)
            else:
                self.held[row.key] = row
        self.version += len(late) < len(rows)
        return frozenset(late)

    def remove(self, keys):
        gone = [self.held.pop(key) for key in set(keys) if key in self.held]
        self.version += bool(gone)
        return len(gone)

    def note(self, name, value, was):
        if self.written.get(name) != was:
            return False
        self.written[name] = value
        if value is None:
            del self.written[name]
        self.version += 1
        return True

    def notes(self):
        return dict(self.written)

    def rows(self, keys):
        return {key: self.held[key] for key in keys if key in self.held}

    def blocks(self, after=None, size=1024):
        keys = sorted(key for key in self.held if after is None or key > after)
        for at in range(0, len(keys), size):
            yield [self.held[key] for key in keys[at : at + size]]

    def count(self):
        generations = {}
        for row in self.held.values():
            generations[row.generation] = generations.get(row.generation, 0) + 1
        return Count(len(self.held), generations)

    def find_nearest(self, queries, k, *, generation, exact=False):  # noqa: ARG002 - it always is
        found = []
        for query in queries:
            hits = [
                Hit(key, sum(float(a) * float(b) for a, b in zip(row.vector, query, strict=True)))
                for key, row in self.held.items()
                if row.generation == generation
            ]
            found.append(sorted(hits, key=lambda hit: (-hit.similarity, hit.key))[:k])
        return found

    def close(self):
        pass
