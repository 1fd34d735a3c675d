"""Configurations as plain values, and facts about each architecture. No torch here."""
