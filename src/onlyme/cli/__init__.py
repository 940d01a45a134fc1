"""The command `onlyme`: parse a command line, call one method, print the answer.

A command holds no decision of its own. Each of its methods is a thin call of `onlyme.FaceID`, of
the evaluation, the lab, the service or the login.
"""
