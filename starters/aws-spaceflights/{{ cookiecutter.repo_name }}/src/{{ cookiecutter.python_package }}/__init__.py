"""Predicts the price of a space shuttle."""
