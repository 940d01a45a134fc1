"""Answer the routes of the REST service, one file per subject."""
