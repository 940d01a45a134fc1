"""What asks the daemon: the helper that PAM starts, and the command line."""
