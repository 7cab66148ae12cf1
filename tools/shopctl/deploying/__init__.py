"""Creates, changes and deletes what the services need on AWS."""
