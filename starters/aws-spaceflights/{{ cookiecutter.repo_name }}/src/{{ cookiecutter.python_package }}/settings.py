"""Nothing here differs from Kedro's defaults; without this file, Kedro warns at each command."""
