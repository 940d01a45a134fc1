"""`python -m onlyme` is the command `onlyme`."""

from onlyme.cli import main

main()
