"""The routes of the REST service, one file a subject."""
