"""Train the head that the package ships, draw its cohort, and measure both."""
