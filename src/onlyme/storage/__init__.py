"""Files, ciphers and formats that everything stored is made of."""
