"""A question of PAM comes in over a Unix socket; whether a face opens goes out.

The helper that PAM calls (`helper`, with `wire`, `remote` and `terminal`) needs the standard
library alone, so that it starts in milliseconds. `pam` puts it into PAM's files. The rest is the
daemon.
"""
