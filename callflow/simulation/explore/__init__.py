"""A script walked by itself: every choice, wrong key, silence, outcome of a dial and hang-up, each in a simulation.

`explore` is the whole. `entry`, `option`, `step`, `graph`, `plan`, `finding`, `tree` decide and run nothing.
"""
