"""`./shop replay`: lists, inspects and redelivers dead letters."""
