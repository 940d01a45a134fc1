"""Train several networks on the same photos, and compare what they are worth."""
