"""Streams: a call's sound over a WebSocket, to a program and from it."""
