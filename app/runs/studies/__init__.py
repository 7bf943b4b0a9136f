"""Studies: what takes too long for a frame, worked out in pieces between a run's own work."""
