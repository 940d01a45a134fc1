"""Who wants to try comes in; whether they may, and a sealed line about it, go out."""
