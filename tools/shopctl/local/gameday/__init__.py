"""Game days: incidents of the running local shop, their alarms, and their runbooks' steps.

After Krishnan, "Weathering the Unexpected", ACM Queue 10(9), 2012: an incident that was rehearsed
finds its runbook correct and its people prepared.
"""
