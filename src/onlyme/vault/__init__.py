"""Templates come in; the same templates go out, later, by owner's name."""
