"""What holds for all tests."""

from hypothesis import settings

# A test never fails because the machine is busy: an example may take as long as it takes.
settings.register_profile("gonogo", deadline=None)
settings.load_profile("gonogo")
