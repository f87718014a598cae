"""Figures on work that a model was not fitted on, and the noise floor beside them."""
