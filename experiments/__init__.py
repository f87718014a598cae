"""Questions, the commands that answer them, and the answers."""
