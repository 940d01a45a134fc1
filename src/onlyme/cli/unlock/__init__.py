"""The commands `onlyme unlock …` and `onlyme daemon`."""
