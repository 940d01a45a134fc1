"""Limit attempts for each owner and source, and write a log of them."""
