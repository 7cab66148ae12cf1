"""`./shop forget`: erases a customer's data on a stage, and shows what it looked at."""
