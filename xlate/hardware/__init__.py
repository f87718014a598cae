"""Facts of hardware, how they are checked, and what follows from them.

``values`` holds the frozen values. ``quantities`` says which facts there are, in
which unit and within which range; ``reading`` turns catalogue files into values
and collects every fault; ``consistency`` compares facts with each other;
``features`` says which feature needs which fact; ``template`` writes a file to
fill in; ``naming`` compares names. :mod:`xlate.hardware.catalogue` looks things up.
``rent`` is the one place that computes money, ``memory`` the one that says whether
work fits. Nothing here reads a profile, a model or a corpus.
"""
