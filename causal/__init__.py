"""Exposures, estimators, network-valid inference, checks and simulation designs."""
