"""The challenge against flat, bent and replayed faces."""


def challenge_figures(pipeline, data, sequences):
    pass
