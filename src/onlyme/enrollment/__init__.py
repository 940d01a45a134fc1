"""Turn photos or a camera into the examples that a person is learned from."""
