"""A frame comes in; its faces, aligned, and their embeddings go out."""
