"""`python -m callflow.cli`, where the program `callflow` is not installed."""

from .main import main

main()
