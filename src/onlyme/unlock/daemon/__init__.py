"""The daemon behind the computer's login: it holds the camera, the networks and the vault."""
