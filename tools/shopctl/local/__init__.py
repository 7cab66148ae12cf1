"""The local shop: its processes, its users, and how it starts and stops."""
