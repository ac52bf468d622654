"""MEXC futures behind the interface of :mod:`triplane.venues.base`."""
