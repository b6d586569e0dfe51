"""Statements made at random, the same ones for the same seed: expressions of all types, and queries.

A decimal literal is always written `DECIMAL '1.5'`, because Athena reads a bare `1.5` otherwise than Trino.
What has no one answer is left out: random(), now(), the order of what is not sorted, the first of equals.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

Scope = dict[str, str]

LITERALS = {
    "boolean": ["true", "false", "NULL"],
    "tinyint": ["TINYINT '1'", "TINYINT '-128'", "TINYINT '127'", "CAST(NULL AS tinyint)"],
    "smallint": ["SMALLINT '7'", "SMALLINT '-32768'", "SMALLINT '32767'", "CAST(NULL AS smallint)"],
    "integer": [
        "0",
        "1",
        "-1",
        "2",
        "3",
        "7",
        "10",
        "42",
        "100",
        "-13",
        "2147483647",
        "-2147483648",
        "CAST(NULL AS integer)",
        "2",
        "3",
    ],
    "bigint": [
        "BIGINT '0'",
        "BIGINT '1'",
        "BIGINT '-5'",
        "9223372036854775807",
        "5000000000",
        "BIGINT '12'",
        "-9223372036854775807",
        "CAST(NULL AS bigint)",
        "BIGINT '2'",
    ],
    "real": [
        "REAL '0.5'",
        "REAL '-1.25'",
        "REAL '0'",
        "REAL '3.4E38'",
        "REAL '16777216'",
        "CAST(NULL AS real)",
        "REAL '0.1'",
    ],
    "double": [
        "0E0",
        "1E0",
        "-1.5E0",
        "2.5E0",
        "0.1E0",
        "1E300",
        "nan()",
        "infinity()",
        "-infinity()",
        "1E-5",
        "123456.789E0",
        "CAST(NULL AS double)",
        "0.5E0",
        "1E7",
        "3.7E0",
    ],
    "decimal(5,2)": [
        "DECIMAL '1.50'",
        "DECIMAL '-123.45'",
        "DECIMAL '999.99'",
        "DECIMAL '000.00'",
        "CAST(NULL AS decimal(5,2))",
        "DECIMAL '002.35'",
    ],
    "decimal(18,4)": [
        "CAST(DECIMAL '12345678901234.5678' AS decimal(18,4))",
        "CAST(1 AS decimal(18,4))",
        "CAST('-0.0001' AS decimal(18,4))",
        "CAST(NULL AS decimal(18,4))",
    ],
    "decimal(38,0)": [
        "DECIMAL '99999999999999999999999999999999999999'",
        "CAST(0 AS decimal(38,0))",
        "CAST(-7 AS decimal(38,0))",
        "DECIMAL '12345678901234567890123456789012345678'",
    ],
    "varchar": [
        "'hello'",
        "''",
        "'a,b,c'",
        "' x '",
        "'Ünïcödé'",
        "'日本語'",
        "'a😀b'",
        "'12'",
        "'-3.5'",
        "'abcabc'",
        "'2020-02-29'",
        "'it''s'",
        "'a%b_c'",
        "CAST(NULL AS varchar)",
        "'true'",
        "'ß'",
        "'ABC def'",
    ],
    "varbinary": ["X'00ff10'", "X''", "to_utf8('héllo')", "CAST(NULL AS varbinary)", "X'48656c6c6f'"],
    "date": [
        "DATE '2020-02-29'",
        "DATE '1970-01-01'",
        "DATE '1969-12-31'",
        "DATE '2024-12-30'",
        "DATE '1999-12-31'",
        "CAST(NULL AS date)",
        "DATE '2021-01-31'",
    ],
    "time(3)": ["TIME '00:00:00.000'", "TIME '23:59:59.999'", "TIME '12:34:56.789'", "CAST(NULL AS time(3))"],
    "timestamp(3)": [
        "TIMESTAMP '2020-02-29 12:34:56.789'",
        "TIMESTAMP '1970-01-01 00:00:00.000'",
        "TIMESTAMP '1969-12-31 23:59:59.999'",
        "TIMESTAMP '2024-03-31 02:30:00.000'",
        "CAST(NULL AS timestamp(3))",
        "TIMESTAMP '2021-01-31 23:00:00.001'",
    ],
    "timestamp(6)": ["TIMESTAMP '2020-02-29 12:34:56.789123'", "TIMESTAMP '1969-12-31 23:59:59.999999'"],
    "timestamp(0)": ["TIMESTAMP '2020-02-29 12:34:56'", "TIMESTAMP '2001-08-22 03:04:05'"],
    "timestamp(3) with time zone": [
        "TIMESTAMP '2020-02-29 12:34:56.789 UTC'",
        "TIMESTAMP '2020-07-01 00:00:00.000 Europe/Berlin'",
        "TIMESTAMP '2020-11-01 01:30:00.000 America/New_York'",
        "TIMESTAMP '2000-01-01 00:00:00.000 +05:30'",
    ],
    "interval day to second": [
        "INTERVAL '1' DAY",
        "INTERVAL '-36' HOUR",
        "INTERVAL '90' MINUTE",
        "INTERVAL '1 02:03:04.567' DAY TO SECOND",
        "INTERVAL '0' SECOND",
    ],
    "interval year to month": [
        "INTERVAL '1' MONTH",
        "INTERVAL '-14' MONTH",
        "INTERVAL '2' YEAR",
        "INTERVAL '1-1' YEAR TO MONTH",
    ],
    "json": [
        'JSON \'{"a": 1, "b": [1, 2.50, "x"]}\'',
        'JSON \'[1, null, {"k": "é"}]\'',
        "JSON '\"text\"'",
        "JSON 'null'",
        "JSON '12.50'",
        "JSON 'true'",
        "CAST(NULL AS json)",
    ],
}
ELEMENTS = ("integer", "bigint", "double", "varchar", "boolean", "date", "decimal(5,2)", "timestamp(3)")
PATTERNS = [
    "'[a-z]+'",
    "'(\\w)(\\w*)'",
    "'\\d+'",
    "'^a'",
    "'.'",
    "','",
    "'(?i)HELLO'",
    "'a|b'",
    "'(b)?c'",
    "'é'",
]
PATHS = ["'$'", "'$.a'", "'$.b'", "'$.b[0]'", "'$[0]'", "'$[2].k'", "'$.b[5]'"]
UNITS = ["'second'", "'minute'", "'hour'", "'day'", "'week'", "'month'", "'quarter'", "'year'"]
DATE_UNITS = ["'day'", "'week'", "'month'", "'quarter'", "'year'"]
FORMATS = ["'%Y-%m-%d'", "'%H:%i:%s'", "'%M %e, %y'", "'%a %b %j'", "'%f %p %I'", "'%W %T %r'", "'%x-%v %%'"]
JODA = ["'yyyy-MM-dd'", "'HH:mm:ss.SSS'", "'EEE MMM d'", "'yy DDD'", "'hh a'", "'xxxx-''W''ww-e'", "'ZZ'"]
ZONES = ["'UTC'", "'Europe/Berlin'", "'America/New_York'", "'Asia/Kolkata'", "'+05:30'"]
BASES = ["2", "10", "16", "36"]
SMALL = ["0", "1", "2", "3", "5", "-1", "-2", "8"]
POSITIVE = ["1", "2", "3", "4", "7"]
LIKES = ["'%a%'", "'h_llo'", "'%'", "''", "'a\\%b%'", "'%é%'", "'a!%b%' ESCAPE '!'"]
ODD = ["0.25E0", "0.5E0", "0E0", "1E0", "-0.75E0", "2E0"]
CHOICES = {
    "PATTERN": PATTERNS,
    "PATH": PATHS,
    "UNIT": UNITS,
    "DATE_UNIT": DATE_UNITS,
    "FORMAT": FORMATS,
    "JODA": JODA,
    "SOMEWHERE": ZONES,
    "BASE": BASES,
    "SMALL": SMALL,
    "POSITIVE": POSITIVE,
    "LIKED": LIKES,
    "ODD": ODD,
    "COMPARE": ["=", "<>", "<", "<=", ">", ">="],
    "SAME": ["=", "<>", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"],
    "ARITH": ["+", "-", "*", "/", "%"],
    "SUM": ["+", "-"],
    "LOGIC": ["AND", "OR"],
}

# `{T}` is a value of a type that stands for any element; `{U;x:T}` is one that may use the variable x.
TEMPLATES = r"""
boolean = {T} COMPARE {T}
boolean = {T} SAME {T}
boolean = {boolean} LOGIC {boolean}
boolean = NOT {boolean}
boolean = {T} IS NULL
boolean = {T} IS NOT NULL
boolean = {T} BETWEEN {T} AND {T}
boolean = {T} IN ({T}, {T}, {T})
boolean = {T} NOT IN ({T}, {T})
boolean = {varchar} LIKE LIKED
boolean = starts_with({varchar}, {varchar})
boolean = regexp_like({varchar}, PATTERN)
boolean = contains({array(T)}, {T})
boolean = arrays_overlap({array(T)}, {array(T)})
boolean = any_match({array(T)}, x -> {boolean;x:T})
boolean = all_match({array(T)}, x -> {boolean;x:T})
boolean = none_match({array(T)}, x -> {boolean;x:T})
boolean = {array(T)} SAME {array(T)}
boolean = is_nan({double})
boolean = is_finite({double})
boolean = is_infinite({double})
boolean = CAST({varchar} AS boolean)
boolean = CAST({integer} AS boolean)
boolean = TRY_CAST({varchar} AS boolean)
boolean = json_array_contains({json}, {bigint})
boolean = is_json_scalar({json})
boolean = luhn_check({varchar})
boolean = {integer} COMPARE {double}
boolean = {decimal(5,2)} COMPARE {integer}
boolean = {date} COMPARE {timestamp(3)}
boolean = ({T}, {K}) = ({T}, {K})
boolean = ({T}, {K}) IN (({T}, {K}), ({T}, {K}))
boolean = {map(K,V)} = {map(K,V)}
boolean = {integer} = ANY (VALUES {integer}, {integer})
boolean = {integer} > ALL (VALUES {integer}, {integer})
boolean = EXISTS (SELECT 1 WHERE {boolean})
tinyint = CAST({integer} AS tinyint)
tinyint = {tinyint} ARITH {tinyint}
tinyint = TRY_CAST({varchar} AS tinyint)
smallint = CAST({bigint} AS smallint)
smallint = {smallint} ARITH {tinyint}
smallint = abs({smallint})
integer = {integer} ARITH {integer}
integer = -({integer})
integer = abs({integer})
integer = sign({integer})
integer = mod({integer}, {integer})
integer = CAST({bigint} AS integer)
integer = CAST({double} AS integer)
integer = CAST({varchar} AS integer)
integer = CAST({decimal(5,2)} AS integer)
integer = CAST({boolean} AS integer)
integer = TRY_CAST({varchar} AS integer)
integer = TRY_CAST({double} AS integer)
integer = round({integer}, SMALL)
integer = codepoint(CAST({varchar} AS varchar(1)))
integer = ceiling({integer})
integer = {array(integer)}[POSITIVE]
integer = reduce({array(integer)}, 0, (s, x) -> s + x, s -> s)
integer = reduce({array(integer)}, 1, (s, x) -> IF(x IS NULL, s, s * 2), s -> s + 1)
integer = regexp_position({varchar}, PATTERN)
integer = bitwise_left_shift({integer}, SMALL)
integer = bitwise_right_shift({integer}, SMALL)
integer = bitwise_right_shift_arithmetic({integer}, SMALL)
integer = greatest({integer}, {integer}, {integer})
integer = least({integer}, {integer})
bigint = {bigint} ARITH {integer}
bigint = {bigint} ARITH {bigint}
bigint = abs({bigint})
bigint = length({varchar})
bigint = length({varbinary})
bigint = strpos({varchar}, {varchar})
bigint = strpos({varchar}, {varchar}, SMALL)
bigint = position({varchar} IN {varchar})
bigint = cardinality({array(T)})
bigint = cardinality({map(K,V)})
bigint = array_position({array(T)}, {T})
bigint = CAST({double} AS bigint)
bigint = CAST({varchar} AS bigint)
bigint = CAST({decimal(18,4)} AS bigint)
bigint = CAST({json} AS bigint)
bigint = TRY_CAST({varchar} AS bigint)
bigint = year({date})
bigint = quarter({timestamp(3)})
bigint = month({date})
bigint = week({date})
bigint = day({timestamp(3)})
bigint = day_of_week({date})
bigint = day_of_year({date})
bigint = year_of_week({date})
bigint = hour({timestamp(3)})
bigint = hour({timestamp(3) with time zone})
bigint = minute({time(3)})
bigint = second({timestamp(6)})
bigint = millisecond({timestamp(3)})
bigint = extract(YEAR FROM {timestamp(3)})
bigint = extract(DOW FROM {date})
bigint = extract(HOUR FROM {interval day to second})
bigint = extract(MONTH FROM {interval year to month})
bigint = timezone_hour({timestamp(3) with time zone})
bigint = timezone_minute({timestamp(3) with time zone})
bigint = date_diff(DATE_UNIT, {date}, {date})
bigint = date_diff(UNIT, {timestamp(3)}, {timestamp(3)})
bigint = date_diff(UNIT, {timestamp(3) with time zone}, {timestamp(3) with time zone})
bigint = to_milliseconds({interval day to second})
bigint = bitwise_and({bigint}, {bigint})
bigint = bitwise_or({bigint}, {bigint})
bigint = bitwise_xor({bigint}, {bigint})
bigint = bitwise_not({bigint})
bigint = bit_count({bigint}, 64)
bigint = from_base({varchar}, BASE)
bigint = levenshtein_distance({varchar}, {varchar})
bigint = hamming_distance({varchar}, {varchar})
bigint = json_array_length({json})
bigint = json_size({json}, PATH)
bigint = crc32({varbinary})
bigint = regexp_count({varchar}, PATTERN)
bigint = width_bucket({double}, ODD, 4E0, POSITIVE)
bigint = width_bucket({double}, ARRAY[0E0, 1E0, 5E0])
bigint = from_big_endian_64(to_big_endian_64({bigint}))
bigint = url_extract_port('http://example.com:8080/p')
bigint = round({bigint}, SMALL)
real = CAST({double} AS real)
real = {real} ARITH {real}
real = CAST({varchar} AS real)
real = abs({real})
double = {double} ARITH {double}
double = -({double})
double = {integer} ARITH {double}
double = {real} ARITH {double}
double = {decimal(5,2)} ARITH {double}
double = abs({double})
double = floor({double})
double = ceil({double})
double = round({double})
double = round({double}, SMALL)
double = truncate({double})
double = sign({double})
double = sqrt({double})
double = cbrt({double})
double = power({double}, SMALL)
double = exp(ODD)
double = ln({double})
double = log2({double})
double = log10({double})
double = log(2, {double})
double = mod({double}, {double})
double = sin({double})
double = cos(ODD)
double = atan2(ODD, ODD)
double = asin(ODD)
double = tanh({double})
double = degrees(ODD)
double = radians({double})
double = CAST({varchar} AS double)
double = CAST({integer} AS double)
double = CAST({bigint} AS double)
double = CAST({decimal(18,4)} AS double)
double = CAST({real} AS double)
double = CAST({boolean} AS double)
double = CAST({json} AS double)
double = TRY_CAST({varchar} AS double)
double = to_unixtime({timestamp(3)})
double = greatest({double}, {double})
double = least({double}, {double}, {double})
double = array_max({array(double)})
double = pi()
double = e()
double = reduce({array(double)}, 0E0, (s, x) -> s + x, s -> s)
decimal = {decimal(5,2)} ARITH {decimal(5,2)}
decimal = {decimal(18,4)} ARITH {decimal(5,2)}
decimal = {decimal(5,2)} ARITH {integer}
decimal = {decimal(38,0)} ARITH {decimal(5,2)}
decimal = {decimal(18,4)} ARITH {bigint}
decimal = round({decimal(18,4)}, SMALL)
decimal = round({decimal(5,2)})
decimal = floor({decimal(18,4)})
decimal = ceil({decimal(5,2)})
decimal = truncate({decimal(5,2)})
decimal = truncate({decimal(18,4)}, SMALL)
decimal = sign({decimal(5,2)})
decimal = mod({decimal(18,4)}, {decimal(5,2)})
decimal = -({decimal(18,4)})
decimal = CAST({varchar} AS decimal(10,3))
decimal = CAST({double} AS decimal(12,1))
decimal = CAST({bigint} AS decimal(19,0))
decimal = TRY_CAST({decimal(18,4)} AS decimal(4,1))
decimal = greatest({decimal(5,2)}, {decimal(18,4)})
decimal = COALESCE({decimal(5,2)}, {integer})
decimal = CAST({json} AS decimal(10,2))
decimal(5,2) = CAST({integer} AS decimal(5,2))
decimal(5,2) = CAST({double} AS decimal(5,2))
decimal(5,2) = CAST({varchar} AS decimal(5,2))
decimal(5,2) = abs({decimal(5,2)})
decimal(18,4) = CAST({decimal(5,2)} AS decimal(18,4))
varchar = {varchar} || {varchar}
varchar = concat({varchar}, {varchar}, {varchar})
varchar = concat_ws(',', {varchar}, {varchar})
varchar = concat_ws('-', {array(varchar)})
varchar = lower({varchar})
varchar = upper({varchar})
varchar = substr({varchar}, SMALL)
varchar = substr({varchar}, SMALL, SMALL)
varchar = substring({varchar} FROM POSITIVE FOR POSITIVE)
varchar = replace({varchar}, {varchar})
varchar = replace({varchar}, {varchar}, {varchar})
varchar = reverse({varchar})
varchar = split_part({varchar}, ',', POSITIVE)
varchar = lpad({varchar}, POSITIVE, {varchar})
varchar = rpad({varchar}, POSITIVE, 'xy')
varchar = trim({varchar})
varchar = ltrim({varchar})
varchar = rtrim({varchar})
varchar = trim(BOTH 'a' FROM {varchar})
varchar = trim({varchar}, 'ab ')
varchar = chr(POSITIVE)
varchar = translate({varchar}, 'abc', 'xy')
varchar = soundex('Robert')
varchar = normalize({varchar}, NFD)
varchar = from_utf8({varbinary})
varchar = regexp_extract({varchar}, PATTERN)
varchar = regexp_extract({varchar}, '(\w)(\w*)', 2)
varchar = regexp_replace({varchar}, PATTERN)
varchar = regexp_replace({varchar}, '(\w)(\w*)', '$2$1')
varchar = regexp_replace({varchar}, '(\w)', x -> upper(x[1]))
varchar = url_encode({varchar})
varchar = url_decode({varchar})
varchar = url_extract_host('https://user@example.com:80/path?q=1#frag')
varchar = to_hex({varbinary})
varchar = to_base64({varbinary})
varchar = to_base({bigint}, BASE)
varchar = CAST({T} AS varchar)
varchar = CAST({timestamp(3) with time zone} AS varchar)
varchar = CAST({timestamp(6)} AS varchar)
varchar = CAST({interval day to second} AS varchar)
varchar = CAST({interval year to month} AS varchar)
varchar = CAST({real} AS varchar)
varchar = CAST({decimal(18,4)} AS varchar)
varchar = CAST({json} AS varchar)
varchar = CAST({time(3)} AS varchar)
varchar = CAST({varchar} AS varchar(3))
varchar = json_format({json})
varchar = json_extract_scalar({json}, PATH)
varchar = json_extract_scalar({varchar}, PATH)
varchar = date_format({timestamp(3)}, FORMAT)
varchar = format_datetime({timestamp(3)}, JODA)
varchar = to_iso8601({date})
varchar = to_iso8601({timestamp(3)})
varchar = to_iso8601({timestamp(3) with time zone})
varchar = array_join({array(T)}, ',')
varchar = array_join({array(T)}, '|', 'NULL')
varchar = format('%s|%d', {varchar}, {integer})
varchar = format('%.2f', {double})
varchar = format('%05d', {integer})
varchar = format('%,d', {bigint})
varchar = human_readable_seconds({double})
varchar = typeof({integer} + {bigint})
varchar = typeof({decimal})
varchar = typeof({array(T)})
varchar = element_at({array(varchar)}, SMALL)
varchar = greatest({varchar}, {varchar})
varchar = split({varchar}, ',')[1]
varbinary = to_utf8({varchar})
varbinary = md5({varbinary})
varbinary = sha256({varbinary})
varbinary = from_hex({varchar})
varbinary = from_hex(to_hex({varbinary}))
varbinary = from_base64(to_base64({varbinary}))
varbinary = {varbinary} || {varbinary}
varbinary = hmac_sha1({varbinary}, X'01')
varbinary = to_big_endian_32({integer})
varbinary = substr({varbinary}, SMALL, POSITIVE)
varbinary = reverse({varbinary})
varbinary = xxhash64({varbinary})
date = date_trunc(DATE_UNIT, {date})
date = date_add(DATE_UNIT, SMALL, {date})
date = {date} SUM {interval year to month}
date = {date} SUM INTERVAL '3' DAY
date = last_day_of_month({date})
date = CAST({varchar} AS date)
date = TRY_CAST({varchar} AS date)
date = CAST({timestamp(3)} AS date)
date = date({timestamp(3)})
date = from_iso8601_date('2020-W10')
date = array_min({array(date)})
date = CAST({timestamp(3) with time zone} AS date)
time(3) = CAST({timestamp(3)} AS time(3))
time(3) = CAST({varchar} AS time(3))
time(3) = {time(3)} SUM {interval day to second}
time(3) = date_add('minute', SMALL, {time(3)})
timestamp(3) = date_trunc(UNIT, {timestamp(3)})
timestamp(3) = date_add(UNIT, SMALL, {timestamp(3)})
timestamp(3) = {timestamp(3)} SUM {interval day to second}
timestamp(3) = {timestamp(3)} SUM {interval year to month}
timestamp(3) = CAST({date} AS timestamp(3))
timestamp(3) = CAST({varchar} AS timestamp(3))
timestamp(3) = TRY_CAST({varchar} AS timestamp(3))
timestamp(3) = CAST({timestamp(3) with time zone} AS timestamp(3))
timestamp(3) = CAST({timestamp(6)} AS timestamp(3))
timestamp(3) = date_parse('2020-02-03 04:05:06', '%Y-%m-%d %H:%i:%s')
timestamp(3) = date_parse('3/7/21', '%c/%e/%y')
timestamp(0) = CAST({timestamp(3)} AS timestamp(0))
timestamp(6) = CAST({timestamp(3)} AS timestamp(6))
timestamp(3) with time zone = {timestamp(3)} AT TIME ZONE SOMEWHERE
timestamp(3) with time zone = {timestamp(3) with time zone} AT TIME ZONE SOMEWHERE
timestamp(3) with time zone = with_timezone({timestamp(3)}, SOMEWHERE)
timestamp(3) with time zone = from_unixtime({integer})
timestamp(3) with time zone = from_unixtime(1.5E9)
timestamp(3) with time zone = from_iso8601_timestamp('2020-05-11T11:15:05+02:00')
timestamp(3) with time zone = CAST({timestamp(3)} AS timestamp(3) with time zone)
timestamp(3) with time zone = CAST({varchar} AS timestamp(3) with time zone)
timestamp(3) with time zone = {timestamp(3) with time zone} SUM {interval day to second}
timestamp(3) with time zone = {timestamp(3) with time zone} SUM {interval year to month}
timestamp(3) with time zone = date_trunc(UNIT, {timestamp(3) with time zone})
timestamp(3) with time zone = date_add(UNIT, SMALL, {timestamp(3) with time zone})
timestamp(3) with time zone = parse_datetime('2020-02-03 04:05', 'yyyy-MM-dd HH:mm')
interval day to second = {interval day to second} SUM {interval day to second}
interval day to second = {timestamp(3)} - {timestamp(3)}
interval day to second = {date} - {date}
interval day to second = {interval day to second} * SMALL
interval day to second = {interval day to second} / POSITIVE
interval day to second = -({interval day to second})
interval day to second = parse_duration('3.5h')
interval year to month = {interval year to month} SUM {interval year to month}
interval year to month = {interval year to month} * SMALL
json = json_parse({varchar})
json = json_extract({json}, PATH)
json = json_extract({varchar}, PATH)
json = CAST({T} AS json)
json = CAST({array(T)} AS json)
json = CAST({map(K,V)} AS json)
json = CAST(ROW({T}, {K}) AS json)
json = json_array_get({json}, SMALL)
json = TRY(json_parse({varchar}))
array(T) = ARRAY[{T}, {T}]
array(T) = ARRAY[{T}, {T}, {T}, {T}]
array(T) = {array(T)} || {array(T)}
array(T) = {array(T)} || {T}
array(T) = {T} || {array(T)}
array(T) = array_distinct({array(T)})
array(T) = array_sort({array(T)})
array(T) = array_remove({array(T)}, {T})
array(T) = array_except({array(T)}, {array(T)})
array(T) = array_intersect({array(T)}, {array(T)})
array(T) = array_union({array(T)}, {array(T)})
array(T) = concat({array(T)}, {array(T)})
array(T) = filter({array(T)}, x -> {boolean;x:T})
array(U) = transform({array(T)}, x -> {U;x:T})
array(T) = slice({array(T)}, SMALL, POSITIVE)
array(T) = reverse({array(T)})
array(T) = repeat({T}, POSITIVE)
array(T) = trim_array({array(T)}, POSITIVE)
array(T) = flatten(ARRAY[{array(T)}, {array(T)}])
array(K) = map_keys({map(K,V)})
array(V) = map_values({map(K,V)})
array(U) = zip_with({array(T)}, {array(K)}, (x, y) -> {U;x:T;y:K})
array(varchar) = split({varchar}, ',')
array(varchar) = split({varchar}, 'a', POSITIVE)
array(varchar) = regexp_extract_all({varchar}, PATTERN)
array(varchar) = regexp_split({varchar}, PATTERN)
array(bigint) = sequence(1, POSITIVE)
array(bigint) = sequence(POSITIVE, SMALL, 2)
array(date) = sequence(DATE '2020-01-30', DATE '2020-02-02')
array(date) = sequence(DATE '2020-01-31', DATE '2020-05-31', INTERVAL '1' MONTH)
array(integer) = CAST({array(varchar)} AS array(integer))
array(varchar) = CAST({array(integer)} AS array(varchar))
array(bigint) = CAST({json} AS array(bigint))
array(T) = array_sort(filter({array(T)}, z -> z IS NOT NULL), (x, y) -> IF(x < y, 1, IF(x = y, 0, -1)))
map(K,V) = map(ARRAY[{K}], ARRAY[{V}])
map(K,V) = map(ARRAY[{K}, {K}], ARRAY[{V}, {V}])
map(K,V) = map_filter({map(K,V)}, (k, v) -> {boolean;k:K;v:V})
map(K,U) = transform_values({map(K,V)}, (k, v) -> {U;k:K;v:V})
map(K,V) = map_concat({map(K,V)}, {map(K,V)})
map(K,V) = map_from_entries(ARRAY[({K}, {V}), ({K}, {V})])
map(K,V) = map()
map(varchar,varchar) = split_to_map('a=1,b=2', ',', '=')
map(varchar,bigint) = CAST({json} AS map(varchar,bigint))
row = ROW({T}, {K})
row = CAST(ROW({integer}, {varchar}) AS row(a bigint, b varchar))
row = ({T}, {array(K)}, NULL)
row = zip({array(T)}, {array(K)})
row = map_entries({map(K,V)})
row = ngrams({array(T)}, 2)
row = combinations(ARRAY[{integer}, {integer}, {integer}], 2)
T = {array(T)}[POSITIVE]
T = element_at({array(T)}, SMALL)
T = element_at({map(K,T)}, {K})
T = {map(K,T)}[{K}]
T = IF({boolean}, {T}, {T})
T = IF({boolean}, {T})
T = CASE WHEN {boolean} THEN {T} WHEN {boolean} THEN {T} ELSE {T} END
T = CASE {K} WHEN {K} THEN {T} ELSE {T} END
T = COALESCE({T}, {T})
T = NULLIF({T}, {T})
T = TRY({T})
T = (SELECT {T})
T = (SELECT max(x) FROM (VALUES {T}, {T}) t(x))
T = CAST({T} AS T)
T = array_max(ARRAY[{T}, {T}])
T = array_min({array(T)})
T = ROW({T}, {K})[1]
"""
AGGREGATES = """
bigint = count(*)
bigint = count({T})
bigint = count(DISTINCT {T})
bigint = count_if({boolean})
bigint = sum({integer})
bigint = sum(DISTINCT {integer})
decimal = sum({decimal(5,2)})
decimal = avg({decimal(18,4)})
double = avg({integer})
double = avg({double})
T = min({T})
T = max({T})
T = min({T}) FILTER (WHERE {boolean})
array(T) = array_agg({T} ORDER BY id)
array(T) = array_agg({T} ORDER BY id DESC) FILTER (WHERE {boolean})
array(T) = array_sort(array_agg(DISTINCT {T}))
array(integer) = max({integer}, 2)
array(integer) = min({integer}, 3)
boolean = bool_and({boolean})
boolean = bool_or({boolean})
boolean = every({boolean})
bigint = bitwise_and_agg({integer})
bigint = bitwise_or_agg({integer})
double = stddev({integer})
double = var_pop({integer})
double = variance({integer})
double = corr({integer}, {integer})
double = covar_pop({integer}, {integer})
double = geometric_mean({integer})
varchar = listagg({varchar}, ',') WITHIN GROUP (ORDER BY id)
T = max_by({T}, id)
T = min_by({T}, id)
map(K,bigint) = histogram({K})
map(integer,T) = map_agg(id, {T})
bigint = approx_distinct({integer})
integer = approx_percentile({integer}, 0.5E0)
double = skewness({integer})
double = kurtosis({integer})
bigint = checksum({integer})
double = regr_slope({integer}, {integer})
bigint = sum({integer}) FILTER (WHERE {boolean})
"""
WINDOWS = """
bigint = row_number() OVER (PARTITION BY {K} ORDER BY id)
bigint = rank() OVER (ORDER BY {T})
bigint = dense_rank() OVER (PARTITION BY {K} ORDER BY {T})
double = percent_rank() OVER (ORDER BY {T})
double = cume_dist() OVER (ORDER BY {T} DESC)
bigint = ntile(POSITIVE) OVER (ORDER BY id)
T = lag({T}) OVER (ORDER BY id)
T = lead({T}, POSITIVE) OVER (PARTITION BY {K} ORDER BY id)
T = lag({T}, 1, {T}) OVER (ORDER BY id DESC)
T = first_value({T}) OVER (PARTITION BY {K} ORDER BY id)
T = last_value({T}) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)
T = nth_value({T}, POSITIVE) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
T = first_value({T}) IGNORE NULLS OVER (ORDER BY id)
bigint = sum({integer}) OVER (ORDER BY id)
bigint = sum({integer}) OVER (PARTITION BY {K} ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)
bigint = count({T}) OVER (PARTITION BY {K})
bigint = count(*) OVER (ORDER BY {integer} RANGE BETWEEN 10 PRECEDING AND 5 FOLLOWING)
bigint = count(*) OVER (ORDER BY {T} GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW)
double = avg({integer}) OVER (ORDER BY id ROWS 3 PRECEDING)
T = max({T}) OVER (PARTITION BY {K} ORDER BY id)
T = min({T}) OVER (ORDER BY {K})
decimal = sum({decimal(5,2)}) OVER (PARTITION BY {K} ORDER BY id)
array(T) = array_agg({T}) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
"""
TABLES: dict[str, Scope] = {
    "numbers": {
        "id": "integer",
        "g": "varchar",
        "tiny": "tinyint",
        "small": "smallint",
        "i": "integer",
        "big": "bigint",
        "re": "real",
        "d": "double",
        "b": "boolean",
        "dec": "decimal(10,2)",
        "wide": "decimal(38,10)",
    },
    "texts": {
        "id": "integer",
        "g": "varchar",
        "s": "varchar",
        "u": "varchar",
        "n": "varchar",
        "j": "varchar",
    },
    "times": {"id": "integer", "d": "date", "t": "timestamp(3)", "s": "timestamp(0)"},
    "nested": {
        "id": "integer",
        "xs": "array(integer)",
        "ss": "array(varchar)",
        "m": "map(varchar,integer)",
        "ds": "array(double)",
    },
    "sales": {
        "id": "integer",
        "shop": "varchar",
        "item": "varchar",
        "day": "date",
        "amount": "decimal(12,2)",
        "n": "integer",
    },
}
SCALAR_RESULTS = (
    "boolean",
    "tinyint",
    "smallint",
    "integer",
    "bigint",
    "real",
    "double",
    "decimal",
    "varchar",
    "varbinary",
    "date",
    "time(3)",
    "timestamp(3)",
    "timestamp(3) with time zone",
    "interval day to second",
    "interval year to month",
    "json",
    "row",
)
_HOLE = re.compile(r"\{([^{}]*)\}")
_CHOICE = re.compile(r"\b(" + "|".join(CHOICES) + r")\b(?![({])")
_LETTERS = "TKVU"


def _read(text: str) -> list[tuple[str, str]]:
    pairs = (line.split(" = ", 1) for line in text.strip().splitlines())
    return [(result, sql) for result, sql in pairs]


class Generator:
    """Makes statements, the same ones for the same seed."""

    def __init__(self, seed: int | str) -> None:
        self._chance = random.Random(seed)
        self._templates = _read(TEMPLATES)
        self._general = [sql for result, sql in self._templates if result == "T"]
        self._aggregates, self._windows = _read(AGGREGATES), _read(WINDOWS)

    def statements(self) -> Iterator[str]:
        """Make statements without end."""
        ways = (
            (self._constant, 50),
            (self._rows, 18),
            (self._grouped, 8),
            (self._windowed, 7),
            (self._sets, 5),
            (self._joined, 6),
            (self._unnested, 6),
        )
        makers, weights = zip(*ways, strict=True)
        while True:
            (make,) = self._chance.choices(makers, weights)
            yield make()

    def conditions(
        self, table: str, columns: Scope, keys: Iterable[str], values: Mapping[str, Sequence[str]]
    ) -> Iterator[str]:
        """Make queries without end that ask about some columns, such as the partition keys of a table.

        Args:
            table: Its name.
            columns: Its columns and their types.
            keys: The columns that the conditions are about.
            values: Literals for each of them.
        """
        chance = self._chance
        scope = {key: columns[key] for key in keys}
        asked = next(iter(name for name in columns if name not in scope))
        while True:
            key = chance.choice(list(scope))
            one, other = (chance.choice(values[key]) for _ in range(2))
            simple = chance.choice(
                (
                    f"{key} {chance.choice(('=', '<>', '<', '>=', 'IS DISTINCT FROM'))} {one}",
                    f"{key} {chance.choice(('', 'NOT '))}IN ({one}, {other})",
                    f"{key} BETWEEN {one} AND {other}",
                    f"{key} IS {chance.choice(('', 'NOT '))}NULL",
                    f"NOT ({key} = {one} OR {key} = {other})",
                    f"coalesce({key}, {one}) = {other}",
                    f"{one} = {key}",
                )
            )
            made = self._expression("boolean", scope, 1)
            further = self._expression("boolean", columns, 1)
            where = chance.choice(
                (
                    simple,
                    simple,
                    made,
                    f"{simple} AND {further}",
                    f"{simple} OR {made}",
                    f"NOT ({made}) AND {simple}",
                )
            )
            yield chance.choice(
                (
                    f"SELECT count(*), min({asked}), max({asked}) FROM {table} WHERE {where}",
                    f"SELECT {key}, count(*) FROM {table} WHERE {where} GROUP BY {key}",
                    f"SELECT {', '.join(columns)} FROM {table} WHERE {where}",
                    f"SELECT count(*) FROM {table} x LEFT JOIN {table} y "
                    f"ON x.{key} = y.{key} AND x.{asked} = y.{asked} "
                    f"WHERE y.{simple}"
                    if simple.startswith(f"{key} ")
                    else f"SELECT max({key}) FROM {table} WHERE {where}",
                )
            )

    def _constant(self) -> str:
        return f"SELECT {self._expression(self._any_type(), {}, self._chance.choice((1, 1, 1, 2, 2, 3)))}"

    def _rows(self) -> str:
        table, scope = self._table()
        expression = self._expression(self._any_type(), scope, self._chance.choice((1, 1, 2)))
        where = f" WHERE {self._expression('boolean', scope, 1)}" if self._chance.random() < 0.3 else ""
        return f"SELECT id, {expression} AS e FROM {table}{where} ORDER BY id"

    def _grouped(self) -> str:
        table, scope = self._table()
        _, sql = self._chance.choice(self._aggregates)
        call = self._fill(sql, self._bind({}), scope, 1)
        key = self._chance.choice(
            [name for name, kind in scope.items() if "(" not in kind and name != "id"] or ["id"]
        )
        return self._chance.choice(
            (
                f"SELECT {call} FROM {table}",
                f"SELECT {key}, {call} FROM {table} GROUP BY {key}",
                f"SELECT {key}, {call}, count(*) FROM {table} GROUP BY 1 HAVING count(*) > 1",
                f"SELECT {call} FROM {table} WHERE {self._expression('boolean', scope, 1)}",
            )
        )

    def _windowed(self) -> str:
        table, scope = self._table()
        _, sql = self._chance.choice(self._windows)
        return f"SELECT id, {self._fill(sql, self._bind({}), scope, 1)} FROM {table} ORDER BY id"

    def _sets(self) -> str:
        chance = self._chance
        keys = chance.choice(
            (
                "GROUPING SETS ((shop, item), (shop), ())",
                "CUBE (shop, item)",
                "ROLLUP (shop, item)",
                "GROUPING SETS ((item), (month(day)))",
                "shop, ROLLUP (item)",
            )
        )
        columns = "shop, item" if "month" not in keys else "item"
        value = chance.choice(
            ("sum(amount)", "count(n)", "avg(amount)", "max(day)", "count(DISTINCT n)", "min(item)")
        )
        grouping = f", grouping({columns})" if chance.random() < 0.5 else ""
        where = f" WHERE {self._expression('boolean', TABLES['sales'], 1)}" if chance.random() < 0.4 else ""
        return f"SELECT {columns}, {value}{grouping} FROM sales{where} GROUP BY {keys}"

    def _joined(self) -> str:
        chance = self._chance
        way = chance.choice(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"))
        condition = (
            ""
            if way == "CROSS JOIN"
            else chance.choice(
                (
                    " ON a.shop = b.shop",
                    " USING (shop)",
                    " ON a.shop = b.shop AND a.n > 2",
                    " ON a.shop IS NOT DISTINCT FROM b.shop",
                )
            )
        )
        scope = {
            "n": "integer",
            "item": "varchar",
            "city": "varchar",
            "amount": "decimal(12,2)",
            "day": "date",
        }
        operator = chance.choice(("UNION", "UNION ALL", "INTERSECT", "EXCEPT"))
        maybe_not = chance.choice(("", "NOT "))
        value = self._expression(self._any_type(), scope, 1)
        number = self._expression("integer", TABLES["sales"], 1)
        where = f"WHERE {self._expression('boolean', TABLES['sales'], 1)}"
        opened = self._expression("boolean", {"city": "varchar", "opened": "date"}, 1)
        shops = f"SELECT shop FROM shops WHERE {opened}"
        key = chance.choice(("n", "n DESC", "n NULLS FIRST", "item DESC, n"))
        same = "SELECT 1 FROM shops b WHERE b.shop = a.shop"
        city = "SELECT max(city) FROM shops b WHERE b.shop = a.shop"
        return chance.choice(
            (
                f"SELECT a.id, city, {value} FROM sales a {way} shops b{condition}",
                f"SELECT item, count(*), count(city) FROM sales a {way} shops b{condition} GROUP BY item",
                f"SELECT shop FROM sales {where} {operator} SELECT shop FROM shops",
                f"SELECT id, ({city}) FROM sales a {where} ORDER BY id",
                f"SELECT id FROM sales a WHERE {maybe_not}EXISTS ({same}) ORDER BY id",
                f"SELECT id FROM sales WHERE shop {maybe_not}IN ({shops}) ORDER BY id",
                f"WITH t AS (SELECT id, {number} AS v FROM sales) SELECT v, count(*) FROM t GROUP BY v",
                f"SELECT id, n FROM sales ORDER BY {key}, id LIMIT 7",
                f"SELECT DISTINCT {number} FROM sales",
            )
        )

    def _unnested(self) -> str:
        chance = self._chance
        kind = chance.choice(ELEMENTS)
        ordinal = chance.random() < 0.5
        array = self._expression(f"array({kind})", {}, 1)
        tail = " WITH ORDINALITY AS t(x, o)" if ordinal else " AS t(x)"
        scope = {"x": kind, **({"o": "bigint"} if ordinal else {})}
        value = self._expression(self._any_type(), scope, 1)
        of_entry = self._expression(self._any_type(), {"id": "integer", "k": "varchar", "v": "integer"}, 1)
        lateral = self._expression(kind, {"xs": "array(integer)", "m": "map(varchar,integer)"}, 1)
        column = chance.choice(("xs", "ss", "ds"))
        return chance.choice(
            (
                f"SELECT * FROM UNNEST({array}){tail}",
                f"SELECT {value} FROM UNNEST({array}){tail}",
                "SELECT id, x, o FROM nested CROSS JOIN UNNEST(xs) WITH ORDINALITY AS t(x, o) ORDER BY id, o",
                f"SELECT id, {of_entry} FROM nested CROSS JOIN UNNEST(m) AS t(k, v)",
                f"SELECT id, x FROM nested LEFT JOIN UNNEST({column}) AS t(x) ON true",
                "SELECT id, a, b FROM nested CROSS JOIN UNNEST(xs, ss) AS t(a, b)",
                f"SELECT n.id, y FROM nested n CROSS JOIN LATERAL (SELECT {lateral} AS y)",
            )
        )

    def _table(self) -> tuple[str, Scope]:
        return self._chance.choice(list(TABLES.items()))

    def _any_type(self) -> str:
        chance = self._chance
        way = chance.random()
        if way < 0.15:
            return f"array({chance.choice(ELEMENTS)})"
        if way < 0.2:
            return f"map({chance.choice(('varchar', 'integer', 'date'))},{chance.choice(ELEMENTS)})"
        return chance.choice(SCALAR_RESULTS)

    def _expression(self, kind: str, scope: Scope, depth: int) -> str:
        named = [name for name, one in scope.items() if one == kind or _fits(one, kind)]
        if named and (depth <= 0 or self._chance.random() < 0.35):
            return self._chance.choice(named)
        if depth <= 0:
            return self._literal(kind, scope)
        found = [
            (sql, bound) for result, sql in self._templates if (bound := _unify(result, kind)) is not None
        ]
        if not found or (kind != "row" and kind != "decimal" and self._chance.random() < 0.15):  # noqa: PLR1714
            found += [(sql, {"T": kind}) for sql in self._general] if kind not in {"row", "decimal"} else []
        if not found:
            return self._literal(kind, scope)
        sql, bound = self._chance.choice(found)
        return self._fill(sql, self._bind(bound), scope, depth - 1)

    def _bind(self, bound: dict[str, str]) -> dict[str, str]:
        free = {letter: self._chance.choice(ELEMENTS) for letter in _LETTERS}
        free["K"] = self._chance.choice(("varchar", "integer", "date"))
        return free | bound

    def _fill(self, sql: str, bound: dict[str, str], scope: Scope, depth: int) -> str:
        sql = _CHOICE.sub(lambda found: self._chance.choice(CHOICES[found[1]]), sql)
        sql = re.sub(r"(?<=AS )T(?=\))", bound["T"], sql)

        def fill(found: re.Match[str]) -> str:
            wanted, *variables = found[1].split(";")
            inner = dict(scope)
            for variable in variables:
                name, _, kind = variable.partition(":")
                inner[name] = _substitute(kind, bound)
            return self._expression(_substitute(wanted, bound), inner, depth)

        return _HOLE.sub(fill, sql)

    def _literal(self, kind: str, scope: Scope) -> str:
        if kind in LITERALS:
            return self._chance.choice(LITERALS[kind])
        if kind == "decimal":
            return self._literal(
                self._chance.choice(("decimal(5,2)", "decimal(18,4)", "decimal(38,0)")), scope
            )
        if kind.startswith("array("):
            element = kind[len("array(") : -1]
            if self._chance.random() < 0.15:
                return f"CAST({self._chance.choice(('ARRAY[]', 'NULL'))} AS {kind})"
            values = [self._literal(element, scope) for _ in range(self._chance.randrange(1, 4))]
            return f"ARRAY[{', '.join(values)}]"
        if kind.startswith("map("):
            key, item = kind[len("map(") : -1].split(",", 1)
            written = (self._literal(key, scope), self._literal(item, scope))
            return f"map(ARRAY[{written[0]}], ARRAY[{written[1]}])"
        return f"ROW({self._literal('integer', scope)}, {self._literal('varchar', scope)})"


def _fits(one: str, kind: str) -> bool:
    return (kind == "decimal" and one.startswith("decimal(")) or (kind, one) in {
        ("decimal(5,2)", "decimal(10,2)"),
        ("decimal(18,4)", "decimal(12,2)"),
        ("bigint", "integer"),
    }


def _unify(result: str, kind: str) -> dict[str, str] | None:
    if result == kind:
        return {}
    for head in ("array(", "map("):
        if result.startswith(head) and kind.startswith(head):
            letters, parts = result[len(head) : -1].split(",", 1), kind[len(head) : -1].split(",", 1)
            if "(" in parts[0] and len(parts) > 1 and head == "array(":
                letters, parts = [result[len(head) : -1]], [kind[len(head) : -1]]
            bound = {}
            for letter, part in zip(letters, parts, strict=True):
                if letter == "K" and "(" in part:
                    return None  # keys are plain
                if letter in _LETTERS:
                    bound[letter] = part
                elif letter != part:
                    return None
            return bound
    return None


def _substitute(kind: str, bound: dict[str, str]) -> str:
    return re.sub(r"\b[TKVU]\b", lambda found: bound[found[0]], kind)
