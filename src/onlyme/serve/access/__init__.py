"""Check who calls the service: tokens of apps, sessions of browsers, signed assertions."""
