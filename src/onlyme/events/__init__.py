"""Do something when a person comes to a door: run programs."""
