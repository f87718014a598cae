"""The best clock: sweeps, labels, response curves, recommendations.

A *sweep* is the same work at many core clocks. :mod:`curve` smooths it,
:mod:`label` says which clock was best by an :mod:`objective`, :mod:`features`
turns what was seen at the highest clock into numbers, :mod:`models` predict
from them how time and power respond to the clock, :mod:`study` says how wrong
that is on applications never seen, :mod:`legal` snaps to what the card offers,
:mod:`handoff` supplies what a profile file does not hold, and
:mod:`recommend` turns it all into one answer.
"""
