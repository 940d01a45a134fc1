"""Provide the commands `onlyme lab …`."""
