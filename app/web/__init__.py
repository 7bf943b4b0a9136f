"""The web: thin adapters from HTTP and sockets to the logic beside this folder."""
