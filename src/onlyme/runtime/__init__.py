"""The checked bytes of a network come in; a function that runs it on another engine goes out.

OpenCV needs no place here: detector, embedder and liveness load their networks through it by
themselves, and are the reference. What is here must first agree with them; see
`onlyme.runtime.agreement`.
"""
