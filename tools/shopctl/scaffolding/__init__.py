"""`./shop new`: creates a service from templates, complete and ready to run."""
