"""`python -m callflow.cli`, where the program `callflow` is not installed."""

from .main import main

if __name__ == "__main__":  # processes that we start import this
    main()
