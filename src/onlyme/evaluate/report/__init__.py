"""Turn the results of an evaluation into a page, a JSON document and sentences."""
