"""`./shop replay`: what is in the dead-letter queues, and how it is delivered again."""
