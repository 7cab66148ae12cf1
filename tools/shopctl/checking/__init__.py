"""`./shop check`: verifies the ground rules from code, manifests, policies and templates.

Each rule is a module with ``check(repository)`` that yields findings; the first line of the
module's docstring states the rule. The checks parse the apps and never import them.
"""
