"""Facts of hardware: what is known of GPUs and instances, and how it is checked.

``values`` holds the frozen values. ``quantities`` says which facts there are, in
which unit and within which range; ``reading`` turns catalogue files into values
and collects every fault; ``consistency`` compares facts with each other;
``features`` says which feature needs which fact; ``template`` writes a file to
fill in; ``naming`` compares names. :mod:`xlate.catalog` looks things up.
"""
