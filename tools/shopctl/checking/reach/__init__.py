"""Which AWS actions and operations of other services a function's code may reach.

``values``       the abstract values that a variable may hold
``uses``         calls that leave the process, and which methods make them
``interpreter``  executes the code of an app on its syntax trees
"""
