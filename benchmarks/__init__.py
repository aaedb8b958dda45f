"""`make bench`: what a call, a leg and an engine cost on this machine. Each figure says how it was taken.

The engine is the real one, in a process of its own on one core; worker, apps and load are on another.
"""
