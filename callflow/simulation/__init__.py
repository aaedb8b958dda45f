"""Simulated calls on virtual time; what is for others stands in `callflow.testing`."""
