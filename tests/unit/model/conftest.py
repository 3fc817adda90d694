from hypothesis import settings

# A busy machine is slow now and then; that says nothing of the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
