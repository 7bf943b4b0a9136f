"""Runs: recipes, their history and their pictures. Imports no web framework and no sockets."""
