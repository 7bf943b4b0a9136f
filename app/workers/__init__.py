"""Where runs live: worker processes, and the supervisor that the web process talks to."""
