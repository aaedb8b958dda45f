"""Text to speech: made by a process of its own, kept by the hash of what is said."""
