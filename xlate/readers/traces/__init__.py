"""What the traces of all tools share: steps, launches, intervals, ranks."""
