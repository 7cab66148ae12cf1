"""The repository and the services in it: what every other package reads."""
