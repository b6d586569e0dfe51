"""What the commands and the functions for notebooks share: look, plan, and carry the plan out.

Each function takes an opened session. None of them prints; the commands and the notebook do, each in its way.
"""
