"""The templates that `kedro new --starter` makes projects from."""
