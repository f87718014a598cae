"""Clock sweeps: curves, labels of the best clock, and what one run at one clock shows."""
