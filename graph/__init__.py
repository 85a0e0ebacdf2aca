"""The reply network: ties, communities, stores, figures and exports."""
