"""The door for FreeSWITCH's event-socket clients: its words for our commands and events."""
