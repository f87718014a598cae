"""Tests of ``xlate.trust``: when an answer is doubted or refused."""
