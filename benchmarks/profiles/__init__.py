"""Where the processor time of a mail goes, function by function: the bounds of what was aimed at in `benchmarks.end_to_end`."""
