"""A service's name comes in; its PAM file with our lines, tried before, goes out.

- `stack`: a folder of PAM files → the rules of a service, one after the other.
- `control`: such rules and what each module answers → what PAM answers.
- `fit`: where our lines go in a file, and why they may not.
- `trial`: the new files, tried with the real PAM before they are written.
- `install`: lines put in, taken out, and looked at.
"""

__all__: list[str] = []
