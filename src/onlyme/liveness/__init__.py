"""Decide whether frames show a living person, an attack, or neither clearly."""
