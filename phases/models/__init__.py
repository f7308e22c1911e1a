"""Loading models and running them on one or several devices."""
