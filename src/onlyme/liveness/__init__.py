"""Frames and the faces found in them come in; live, attack or undecided goes out."""
