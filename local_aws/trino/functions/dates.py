"""Date and time functions."""

_PARTS = {
    "year": "year({0})",
    "quarter": "quarter({0})",
    "month": "month({0})",
    "week": "week({0})",
    "week_of_year": "week({0})",
    "day": "day({0})",
    "day_of_month": "day({0})",
    "day_of_week": "isodow({0})",
    "dow": "isodow({0})",
    "day_of_year": "dayofyear({0})",
    "doy": "dayofyear({0})",
    "year_of_week": "isoyear({0})",
    "yow": "isoyear({0})",
}
_CLOCK = {
    "hour": "hour({0})",
    "minute": "minute({0})",
    "second": "second({0})",
    "millisecond": "(millisecond({0}) % 1000)",
}


def _part(name: str, kind: str, sql: str) -> str:
    local = sql.replace("{0}", "trino_local({0})") if kind == "Z" else sql
    return f"{name}({kind}) -> bigint = CAST({local} AS BIGINT)"


_EXTRACTED = [_part(name, kind, sql) for name, sql in _PARTS.items() for kind in ("date", "M", "Z")]
_EXTRACTED += [_part(name, kind, sql) for name, sql in _CLOCK.items() for kind in ("time(3)", "M", "Z")]

TABLE = (
    "\n".join(_EXTRACTED)
    + r"""
year(interval year to month) -> bigint = CAST({0} // 12 AS BIGINT)
month(interval year to month) -> bigint = CAST({0} % 12 AS BIGINT)
day(interval day to second) -> bigint = ({0} // 86400000)
hour(interval day to second) -> bigint = ({0} // 3600000 % 24)
minute(interval day to second) -> bigint = ({0} // 60000 % 60)
second(interval day to second) -> bigint = ({0} // 1000 % 60)
millisecond(interval day to second) -> bigint = ({0} % 1000)
timezone_hour(Z) -> bigint = (trino_offset({0}) // 60)
timezone_minute(Z) -> bigint = (trino_offset({0}) % 60)
last_day_of_month(date) -> date = last_day({0})
last_day_of_month(M) -> date = last_day({0})
last_day_of_month(Z) -> date = last_day(trino_local({0}))
current_date() -> date = CAST(trino_now() AS DATE)
current_timestamp() -> timestamp(3) with time zone = trino_zoned(trino_now(), 'UTC')
now() -> timestamp(3) with time zone = trino_zoned(trino_now(), 'UTC')
localtimestamp() -> timestamp(3) = trino_now()
localtime() -> time(3) = CAST(trino_now() AS TIME)
current_timezone() -> varchar = 'UTC'
from_unixtime(double) -> timestamp(3) with time zone = trino_from_unixtime({0}, 'UTC')
from_unixtime(double, varchar) -> timestamp(3) with time zone = trino_from_unixtime({0}, trino_zone({1}))
from_unixtime(double, bigint, bigint) -> timestamp(3) with time zone = \
    trino_from_unixtime({0}, trino_zone_of_offset({1}, {2}))
to_unixtime(M) -> double = epoch({0})
to_unixtime(Z) -> double = epoch(({0}).utc)
to_milliseconds(interval day to second) -> bigint = {0}
at_timezone(Z, varchar) -> Z = trino_zoned(({0}).utc, trino_zone({1}))
at_timezone(M, varchar) -> timestamp(3) with time zone = trino_zoned({0}, trino_zone({1}))
with_timezone(M, varchar) -> timestamp(3) with time zone = trino_with_zone({0}, {1})
from_iso8601_timestamp(varchar) -> timestamp(3) with time zone = trino_from_iso8601_timestamp({0})
from_iso8601_date(varchar) -> date = trino_from_iso8601_date({0})
date_format(M, varchar) -> varchar = trino_date_format({0}, {1})
date_format(Z, varchar) -> varchar = trino_date_format(trino_local({0}), {1})
date_parse(varchar, varchar) -> timestamp(3) = trino_date_parse({0}, {1})
format_datetime(M, varchar) -> varchar = trino_format_datetime({0}, '', {1})
format_datetime(Z, varchar) -> varchar = trino_format_datetime(trino_local({0}), ({0}).zone, {1})
parse_datetime(varchar, varchar) -> timestamp(3) with time zone = trino_parse_datetime({0}, {1})
human_readable_seconds(double) -> varchar = trino_human_readable_seconds({0})
parse_duration(varchar) -> interval day to second = trino_parse_duration({0})
"""
)
