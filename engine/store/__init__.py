"""What outlives the engine: the records of calls, in SQLite beside a file of those that are not in it yet."""
