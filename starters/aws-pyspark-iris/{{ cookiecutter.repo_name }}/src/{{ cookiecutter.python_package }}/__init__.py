"""Predicts the species of an iris from its measurements."""
