"""Access to AWS, on the laptop and in a stage's account."""
