"""Studies: they take too long for a frame, and are made in pieces between a run's own work."""
