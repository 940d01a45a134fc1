"""Run the command `onlyme` with `python -m onlyme`."""

from onlyme.cli.main import main

main()
