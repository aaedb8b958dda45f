"""Languages as data: a grammar says which recorded words a number, a date or an amount of money is said with. Pure."""
