"""Write, encrypt, rotate and read what onlyme stores; every other room may use it."""
