"""Array and map functions."""

_ENTRIES = "list_transform(map_entries({0}), lambda e: struct_pack(field0 := e.key, field1 := e.value))"

TABLE = (
    r"""
cardinality(array(T)) -> bigint = CAST(len({0}) AS BIGINT)
cardinality(map(K, V)) -> bigint = CAST(cardinality({0}) AS BIGINT)
contains(array(F), F) -> boolean = trino_contains({0}, trino_findable({1}))
contains(array(T), T) -> boolean = trino_contains({0}, {1})
element_at(array(T), bigint) -> T = trino_element_at({0}, {1})
element_at(map(K, V), K) -> V = {0}[{1}]
array_distinct(array(T)) -> array(T) = trino_distinct({0})
array_intersect(array(T), array(T)) -> array(T) = trino_intersect({0}, {1})
array_union(array(T), array(T)) -> array(T) = trino_distinct(trino_array_concat({0}, {1}))
array_except(array(T), array(T)) -> array(T) = trino_except({0}, {1})
array_max(array(F)) -> F = (CASE WHEN trino_has_null({0}) THEN NULL ELSE \
    coalesce(list_max(list_filter({0}, lambda e: NOT isnan(e))), list_max({0})) END)
array_max(array(T)) -> T = (CASE WHEN trino_has_null({0}) THEN NULL ELSE list_max({0}) END)
array_min(array(T)) -> T = (CASE WHEN trino_has_null({0}) THEN NULL ELSE list_min({0}) END)
array_position(array(F), F) -> bigint = trino_position({0}, trino_findable({1}))
array_position(array(T), T) -> bigint = trino_position({0}, {1})
array_remove(array(F), F) -> array(F) = trino_remove({0}, trino_findable({1}))
array_remove(array(T), T) -> array(T) = trino_remove({0}, {1})
arrays_overlap(array(T), array(T)) -> boolean = trino_overlap({0}, {1})
contains_sequence(array(T), array(T)) -> boolean = trino_contains_sequence({0}, {1})
flatten(array(array(T))) -> array(T) = flatten({0})
slice(array(T), bigint, bigint) -> array(T) = trino_slice({0}, {1}, {2})
trim_array(array(T), bigint) -> array(T) = trino_trim_array({0}, {1})
repeat(T, bigint) -> array(T) = CAST(list_transform(range(trino_repeats({1})), lambda e: {0}) AS {T}[])
ngrams(array(T), bigint) -> array(array(T)) = trino_ngrams({0}, {1})
filter(array(T), function(T, boolean)) -> array(T) = list_filter({0}, {1})
transform(array(T), function(T, U)) -> array(U) = CAST(list_transform({0}, {1}) AS {U}[])
any_match(array(T), function(T, boolean)) -> boolean = trino_any(list_transform({0}, {1}))
all_match(array(T), function(T, boolean)) -> boolean = trino_all(list_transform({0}, {1}))
none_match(array(T), function(T, boolean)) -> boolean = (NOT trino_any(list_transform({0}, {1})))
combinations(array(T), bigint) -> array(array(T)) = trino_chosen({0}, trino_combinations(len({0}), {1}))
zip_with(array(T), array(U), pair(T, U, R)) -> array(R) = \
    CAST(list_transform(trino_pairs({0}, {1}), {2}) AS {R}[])

map_filter(map(K, V), entry(K, V, boolean)) -> map(K, V) = \
    trino_from_entries(list_filter(trino_entries({0}), {1}))
transform_values(map(K, V), entry(K, V, U)) -> map(K, U) = \
    trino_map(map_keys({0}), CAST(list_transform(trino_entries({0}), {1}) AS {U}[]))
transform_keys(map(K, V), entry(K, V, U)) -> map(U, V) = \
    trino_map(CAST(list_transform(trino_entries({0}), {1}) AS {U}[]), map_values({0}))
map_zip_with(map(K, V), map(K, W), triple(K, V, W, R)) -> map(K, R) = \
    map(trino_zip_keys({0}, {1}), CAST(list_transform(trino_zipped({0}, {1}), {2}) AS {R}[]))
map(array(K), array(V)) -> map(K, V) = trino_map({0}, {1})
map_keys(map(K, V)) -> array(K) = map_keys({0})
map_values(map(K, V)) -> array(V) = map_values({0})
map_concat(map(K, V), map(K, V)...) -> map(K, V) = \
    (CASE WHEN trino_has_null([{all}]) THEN NULL ELSE map_concat({all}) END)
map_from_entries(array(row(K, V))) -> map(K, V) = trino_map_from_rows({0})
multimap_from_entries(array(row(K, V))) -> map(K, array(V)) = trino_multimap_of_entries({0})
"""
    + f"map_entries(map(K, V)) -> array(row(K, V)) = (CASE WHEN {{0}} IS NOT NULL THEN {_ENTRIES} END)\n"
)
