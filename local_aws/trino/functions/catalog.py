"""The functions by their names: scalar, aggregate and window functions, and those that are refused."""

from __future__ import annotations

from local_aws.trino.functions import collections, dates, numbers, strings
from local_aws.trino.functions.table import Signature, read_signatures

SCALARS: dict[str, list[Signature]] = read_signatures(
    "\n".join((strings.TABLE, numbers.TABLE, dates.TABLE, collections.TABLE))
)

AGGREGATES: dict[str, list[Signature]] = read_signatures(r"""
count() -> bigint = count(*){tail}
count(T) -> bigint = count({distinct}{0}){tail}
count_if(boolean) -> bigint = CAST(count({distinct}CASE WHEN {0} THEN 1 END){tail} AS BIGINT)
sum(bigint) -> bigint = CAST(sum({distinct}{0}){tail} AS BIGINT)
sum(real) -> real = CAST(sum({distinct}CAST({0} AS DOUBLE)){tail} AS FLOAT)
sum(double) -> double = sum({distinct}{0}){tail}
sum(D) -> widest(D) = CAST(sum({distinct}{0}){tail} AS {result})
avg(D) -> D = CAST(CAST(trino_decimal_average(CAST(sum({distinct}{0}){tail} AS VARCHAR), \
    count({distinct}{0}){tail}, {scale}) AS DECIMAL(38, {scale})) AS {D})
sum(interval day to second) -> interval day to second = CAST(sum({distinct}{0}){tail} AS BIGINT)
sum(interval year to month) -> interval year to month = CAST(sum({distinct}{0}){tail} AS INTEGER)
avg(bigint) -> double = avg({distinct}{0}){tail}
avg(real) -> real = CAST(avg({distinct}CAST({0} AS DOUBLE)){tail} AS FLOAT)
avg(double) -> double = avg({distinct}{0}){tail}
avg(interval day to second) -> interval day to second = CAST(round(avg({distinct}{0}){tail}) AS BIGINT)
min(T) -> T = min({0}){tail}
max(F) -> F = coalesce(max(CASE WHEN NOT isnan({0}) THEN {0} END){tail}, max({0}){tail})
max(T) -> T = max({0}){tail}
min(T, bigint) -> array(T) = min({0}, {1}){tail}
max(T, bigint) -> array(T) = max({0}, {1}){tail}
min_by(T, U) -> T = arg_min_null({0}, {1}){tail}
max_by(T, F) -> T = arg_max_null({0}, trino_nan_lowest({1})){tail}
max_by(T, U) -> T = arg_max_null({0}, {1}){tail}
arbitrary(T) -> T = any_value({0}{order}){tail}
any_value(T) -> T = any_value({0}{order}){tail}
array_agg(T) -> array(T) = list({distinct}{0}{order}){tail}
bool_and(boolean) -> boolean = bool_and({0}){tail}
every(boolean) -> boolean = bool_and({0}){tail}
bool_or(boolean) -> boolean = bool_or({0}){tail}
bitwise_and_agg(bigint) -> bigint = bit_and({0}){tail}
bitwise_or_agg(bigint) -> bigint = bit_or({0}){tail}
bitwise_xor_agg(bigint) -> bigint = bit_xor({distinct}{0}){tail}
geometric_mean(bigint) -> double = exp(avg(trino_ln({0})){tail})
geometric_mean(real) -> real = CAST(exp(avg(trino_ln({0})){tail}) AS FLOAT)
geometric_mean(double) -> double = exp(avg(trino_ln({0})){tail})
listagg(varchar, varchar) -> varchar = string_agg({0}, {1}{order}){tail}
histogram(T) -> map(T, bigint) = trino_histogram(list({0}){tail})
map_agg(K, V) -> map(K, V) = trino_first_entries(list(struct_pack(field0 := {0}, field1 := {1}){order}){tail})
multimap_agg(K, V) -> map(K, array(V)) = \
    trino_multimap_from_rows(list(struct_pack(field0 := {0}, field1 := {1}){order}){tail})
approx_distinct(T) -> bigint = count(DISTINCT {0}){tail}
approx_distinct(T, double) -> bigint = count(DISTINCT {0}){tail}
# Trino's digest keeps every value of a small group, and returns the upper of two in the middle.
approx_percentile(bigint, double) -> bigint = trino_percentile(list_sort(list({0}){tail}), {1})
approx_percentile(F, double) -> F = trino_percentile(list_sort(list({0}){tail}), {1})
approx_percentile(double, double) -> double = trino_percentile(list_sort(list({0}){tail}), {1})
approx_percentile(bigint, array(double)) -> array(bigint) = trino_percentiles(list_sort(list({0}){tail}), {1})
approx_percentile(F, array(double)) -> array(F) = trino_percentiles(list_sort(list({0}){tail}), {1})
stddev(double) -> double = stddev_samp({distinct}{0}){tail}
stddev_samp(double) -> double = stddev_samp({distinct}{0}){tail}
stddev_pop(double) -> double = stddev_pop({distinct}{0}){tail}
variance(double) -> double = var_samp({distinct}{0}){tail}
var_samp(double) -> double = var_samp({distinct}{0}){tail}
var_pop(double) -> double = var_pop({distinct}{0}){tail}
# DuckDB's skewness is that of a sample, Trino's that of the whole. DuckDB fails where a value is not finite.
skewness(double) -> double = CASE WHEN count({distinct}{0}){tail} < 3 THEN NULL \
    WHEN NOT bool_and(isfinite({0})){tail} OR var_pop({distinct}{0}){tail} = 0 THEN CAST('NaN' AS DOUBLE) \
    ELSE skewness({distinct}trino_finite({0})){tail} * (count({distinct}{0}){tail} - 2) \
    / sqrt(count({distinct}{0}){tail} * (count({distinct}{0}){tail} - 1.0)) END
kurtosis(double) -> double = CASE WHEN count({distinct}{0}){tail} < 4 THEN NULL \
    WHEN NOT bool_and(isfinite({0})){tail} OR var_pop({distinct}{0}){tail} = 0 THEN CAST('NaN' AS DOUBLE) \
    ELSE kurtosis({distinct}trino_finite({0})){tail} END
approx_most_frequent(bigint, T, bigint) -> map(T, bigint) = \
    trino_most_frequent(list({1}){tail}, min({0}){tail})
corr(real, real) -> real = CAST(trino_finite(corr({distinct}{0}, {1}){tail}) AS FLOAT)
corr(double, double) -> double = trino_finite(corr({distinct}{0}, {1}){tail})
covar_pop(real, real) -> real = CAST(covar_pop({distinct}{0}, {1}){tail} AS FLOAT)
covar_pop(double, double) -> double = covar_pop({distinct}{0}, {1}){tail}
covar_samp(real, real) -> real = CAST(covar_samp({distinct}{0}, {1}){tail} AS FLOAT)
covar_samp(double, double) -> double = covar_samp({distinct}{0}, {1}){tail}
regr_slope(real, real) -> real = CAST(trino_finite(regr_slope({distinct}{0}, {1}){tail}) AS FLOAT)
regr_slope(double, double) -> double = trino_finite(regr_slope({distinct}{0}, {1}){tail})
regr_intercept(real, real) -> real = CAST(trino_finite(regr_intercept({distinct}{0}, {1}){tail}) AS FLOAT)
regr_intercept(double, double) -> double = trino_finite(regr_intercept({distinct}{0}, {1}){tail})
""")

WINDOW_ONLY: dict[str, list[Signature]] = read_signatures(r"""
row_number() -> bigint = row_number(){tail}
rank() -> bigint = rank(){tail}
dense_rank() -> bigint = dense_rank(){tail}
percent_rank() -> double = percent_rank(){tail}
cume_dist() -> double = cume_dist(){tail}
ntile(bigint) -> bigint = ntile({0}){tail}
first_value(T) -> T = first_value({0}{order}){tail}
last_value(T) -> T = last_value({0}{order}){tail}
nth_value(T, bigint) -> T = nth_value({0}, trino_reach({1}, 1){order}){tail}
lag(T) -> T = lag({0}{order}){tail}
lag(T, bigint) -> T = lag({0}, trino_reach({1}, 0){order}){tail}
lag(T, bigint, T) -> T = lag({0}, trino_reach({1}, 0), {2}{order}){tail}
lead(T) -> T = lead({0}{order}){tail}
lead(T, bigint) -> T = lead({0}, trino_reach({1}, 0){order}){tail}
lead(T, bigint, T) -> T = lead({0}, trino_reach({1}, 0), {2}{order}){tail}
""")

REFUSED = frozenset(
    """
    approx_set array_first array_histogram array_last bar beta_cdf bing_tile bing_tile_at
    bing_tile_coordinates bing_tile_polygon bing_tile_quadkey bing_tile_zoom_level bing_tiles_around
    char2hexint checksum classify color convex_hull_agg cosine_distance cosine_similarity current_groups
    current_time current_user dot_product empty_approx_set ends_with euclidean_distance
    evaluate_classifier_predictions features format_number from_base32 from_base64url
    from_encoded_polyline from_geojson_geometry from_ieee754_32 from_ieee754_64
    from_iso8601_timestamp_nanos from_unixtime_nanos geometry_from_hadoop_shape geometry_invalid_reason
    geometry_nearest_points geometry_to_bing_tiles geometry_union geometry_union_agg
    great_circle_distance hash_counts index intersection_cardinality inverse_beta_cdf inverse_normal_cdf
    jaccard_index json json_scalar json_serialize learn_classifier learn_libsvm_classifier
    learn_libsvm_regressor learn_regressor line_interpolate_point line_interpolate_points
    line_locate_point make_set_digest map_union max_data_size_for_stats merge merge_set_digest murmur3
    normal_cdf numeric_histogram objectid objectid_timestamp parse_data_size qdigest_agg reduce_agg
    regress render rgb shuffle simplify_geometry spatial_partitioning spatial_partitions
    spooky_hash_v2_32 spooky_hash_v2_64 st_area st_asbinary st_astext st_boundary st_buffer st_centroid
    st_contains st_convexhull st_coorddim st_crosses st_difference st_dimension st_disjoint st_distance
    st_endpoint st_envelope st_envelopeaspts st_equals st_exteriorring st_geometries st_geometryfromtext
    st_geometryn st_geometrytype st_geomfrombinary st_interiorringn st_interiorrings st_intersection
    st_intersects st_isclosed st_isempty st_isring st_issimple st_isvalid st_length st_linefromtext
    st_linestring st_multipoint st_numgeometries st_numinteriorring st_numpoints st_overlaps st_point
    st_pointn st_points st_polygon st_relate st_startpoint st_symdifference st_touches st_union
    st_within st_x st_xmax st_xmin st_y st_ymax st_ymin tdigest_agg timestamp_objectid timezone
    to_base32 to_base64url to_char to_date to_encoded_polyline to_geojson_geometry to_geometry
    to_ieee754_32 to_ieee754_64 to_spherical_geography to_timestamp value_at_quantile
    values_at_quantiles version wilson_interval_lower wilson_interval_upper word_stem xxhash64
    """.split()  # noqa: SIM905 - a list of 170 names is no easier to read
)
"""Functions of Trino that the local Athena does not have."""
