"""Ask the daemon: the helper that PAM starts, and the command line's requests."""
