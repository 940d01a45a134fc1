"""`python -m onlyme` is the command `onlyme`."""

from onlyme.cli.main import main

main()
