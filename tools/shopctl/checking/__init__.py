"""`./shop check`: the ground rules, proven from code, manifests, policies and templates.

Each rule is a module with ``check(repository)`` that yields what breaks it; the first line of the
module's docstring is the rule in words. Nothing of the apps is imported: a check reads.
"""
