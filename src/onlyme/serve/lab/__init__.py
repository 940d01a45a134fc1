"""Train the lab's ways for the page, in a process of their own."""
