"""The viewers of a run, and what each is sent. Imports no web framework and no sockets."""
