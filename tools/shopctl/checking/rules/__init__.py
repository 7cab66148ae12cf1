"""The rules of `./shop check`, one module per rule."""
