"""Receive bodies and forms of untrusted clients within limits."""
