"""Register and run the commands `onlyme unlock …` and `onlyme daemon`."""
