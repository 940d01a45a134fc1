"""Train the head and the cohort that the package ships, and measure what they bring."""
