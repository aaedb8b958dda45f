"""Trunks: peers such as carriers, registered with, watched, and chosen from."""
