"""What is in ops/, and what is installed."""
