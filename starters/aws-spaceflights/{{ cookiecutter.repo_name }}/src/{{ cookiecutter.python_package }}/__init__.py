"""{{ cookiecutter.project_name }}: predicts the price of a space shuttle."""
