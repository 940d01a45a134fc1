"""Templates come in; a sealed file that is useless without its key goes out, and back."""
