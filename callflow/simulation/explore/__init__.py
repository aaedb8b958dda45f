"""A script walked by itself: every choice, wrong key, silence, outcome of a dial and hang-up, each in a simulation.

`explorer.explore` is the whole; it, `walker`, `people` and `place` run simulations. All other modules decide, and run
nothing.
"""
