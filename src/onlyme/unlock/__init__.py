"""Answer PAM at the computer's login: say whether this face may open it.

PAM starts the helper (`client.helper`). It uses only the standard library, as do `transport`,
`processes`, `client.remote` and `client.terminal`, so that it starts in milliseconds. `pam` edits
PAM's files. `daemon` is the process that owns the camera, the networks and the vault, and `units`
are the files with which systemd starts it.
"""
