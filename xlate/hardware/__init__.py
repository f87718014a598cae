"""Facts of hardware, their checks, and what is computed from them.

``values`` holds the frozen values. ``quantities`` lists the facts with their units and
ranges; ``reading`` turns catalogue files into values and collects every fault;
``consistency`` compares facts with each other; ``features`` lists the facts that each
feature needs; ``template`` writes a file to fill in; ``naming`` compares names.
:mod:`xlate.hardware.catalogue` looks up names. ``rent`` is the only module that computes
money, ``memory`` the only one that compares work with a GPU's memory. No module of this
package reads a profile, a model or a corpus.
"""
