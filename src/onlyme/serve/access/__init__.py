"""Who may call the service: tokens of apps, sessions of browsers, signed assertions."""
