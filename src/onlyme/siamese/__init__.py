"""Learn owners from embeddings, and say by the article's rule who is the owner and who is not.

Import from the modules: a command that only reads owners should not load what learns them.
"""
