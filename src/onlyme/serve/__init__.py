"""Serve the REST API and the page over HTTP.

The service uses the same vault, gate and log as the command line, and decides nothing itself.
"""
