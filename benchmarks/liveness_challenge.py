def challenge_figures(pipeline, data, sequences):
    pass
