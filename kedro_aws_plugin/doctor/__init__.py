"""Find out what will break: on this machine, in the project, in the AWS account.

Each file judges one of them. What the functions `check_...` judge is given to them as values, so that they
can be tested without the machine, the project or the account.
"""
