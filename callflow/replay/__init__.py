"""Real calls kept as files, and run again in simulation against another version of their script.

    saved (the file)  <- saving (a running engine)
      |
    conduct (what the people did) -> stage, person (a simulated world in which they do it again) -> another saved call
      |                                                                                                |
    course (what was decided, and why) ------------------ comparison (the same, or a diff) ----------- course

`saved`, `conduct`, `course` and `comparison` are pure, but for reading and writing the file.
"""
