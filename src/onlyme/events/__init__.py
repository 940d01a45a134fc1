"""Do something when a person comes to a door: store it, run programs, tell other machines."""
