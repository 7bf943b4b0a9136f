"""Descent's server: recipes in, frames out."""
