"""Sounds that are elsewhere, by HTTP."""
