"""The daemon that answers the computer's login: it owns the camera, the networks and the vault."""
