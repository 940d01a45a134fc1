"""Train several networks on the same photos, and compare their errors."""
