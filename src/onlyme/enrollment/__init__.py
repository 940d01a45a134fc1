"""Turn photos or a camera into the examples from which a person is learned."""
