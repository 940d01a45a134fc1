"""A real Debian in a container, for tests of what needs systemd, logind, polkit and sessions."""
