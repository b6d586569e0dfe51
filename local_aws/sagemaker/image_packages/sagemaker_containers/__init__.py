"""The package by whose name scripts for AWS's image import its framework."""
