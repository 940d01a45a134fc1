"""The commands `onlyme lab …`."""
