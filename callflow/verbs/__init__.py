"""The verbs of a call, as functions over it, by what they are about. `callflow.call` makes them its methods."""
