"""Store templates in one encrypted file, which is useless without its key."""
