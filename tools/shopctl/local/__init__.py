"""The local cloud: its processes, its users and how it starts and stops."""
