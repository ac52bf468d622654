"""What holds for every test: how long something takes is never part of a verdict, the machine may be busy."""

from hypothesis import HealthCheck, settings

settings.register_profile("triplane", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("triplane")
