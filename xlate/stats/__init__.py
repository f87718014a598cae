"""Statistics on plain arrays: splits, error figures, conformal intervals, calibration."""
