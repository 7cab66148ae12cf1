"""Evaluates the alarms of the templates over the metrics of the local shop."""
