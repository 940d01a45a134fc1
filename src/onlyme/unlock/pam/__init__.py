"""Put our lines into PAM's files, after trying the new files with the real PAM.

- `folders` finds, reads and replaces PAM's files.
- `stack` reads a service's rules in the order in which PAM applies them.
- `simulate` computes PAM's answer from the answers of the modules.
- `rules` writes, finds and removes our lines.
- `placement` decides where our lines go in a file, or why they may not.
- `trial` tries the new files with the real PAM before they are written, in the process
  `trial_worker`.
- `intent` says in which services a face would open nothing.
- `program` finds the helper, and checks that only root can change it.
- `backup` keeps each file as it was before.
- `install` plans, tries, applies and reverts the change of a service.
- `status` says whether our lines are in a service, and what its next login does.
"""

__all__: list[str] = []
