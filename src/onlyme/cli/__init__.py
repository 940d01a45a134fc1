"""Run the command `onlyme`: parse a command line, call one method, print the answer.

A command decides nothing itself. It calls `onlyme.FaceID`, the evaluation, the lab, the service
or the login, and prints what they return.
"""
