"""Everything with fit and predict: translators, zero-shot, clock response, power, scaling."""
