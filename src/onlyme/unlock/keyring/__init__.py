"""Open the desktop's keyring after a login by face, with a password that only the vault knows."""
