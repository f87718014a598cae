"""Inputs meant to break xlate, each with what is right: ``python -m tests.soak``.

A case makes its own input, runs commands, and says what was wrong in what came back. Every
command run is also held to what is always true (``tests/soak/truths.py``): an exit
code of ours, no traceback, one JSON document, intervals that contain their value,
rent that is not below the instance's price. Cases are read from the text of the requirement
(``Case.origin``), not from what the program does.
"""
