"""Lua scripts: a sandbox, the verbs of calls in it, and what steers them. Nothing here waits, and nothing does I/O but
reading the script's files.

    program = Program(source, door=..., store=...)     # raises ScriptError
    program.take(channel, event)                        # what happens
    program.run_due()                                   # time passes, until program.next_deadline

In the engine `engine.scripting.lua` drives it, in a process of its own `callflow.runtime.lua.worker`.
"""
