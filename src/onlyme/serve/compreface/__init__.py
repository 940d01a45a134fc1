"""Answer the recognition API of CompreFace, so that its clients work unchanged."""
