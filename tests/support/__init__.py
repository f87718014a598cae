"""What tests share: made profiles and runs, recorded cards, commands run in-process.

Nothing here is a test. A helper that two test modules use belongs here, so that no test
module imports another one.
"""
