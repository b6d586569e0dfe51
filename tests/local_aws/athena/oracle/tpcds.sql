SELECT d_year, i_brand, sum(ss_ext_sales_price) AS total FROM store_sales JOIN date_dim ON d_date_sk = ss_sold_date_sk
JOIN item ON i_item_sk = ss_item_sk WHERE d_moy = 11 GROUP BY d_year, i_brand ORDER BY d_year, total DESC, i_brand LIMIT 40;
SELECT i_category, i_class, sum(ss_net_profit), grouping(i_category, i_class),
  rank() OVER (PARTITION BY grouping(i_category, i_class) ORDER BY sum(ss_net_profit) DESC, i_category, i_class)
FROM store_sales JOIN item ON i_item_sk = ss_item_sk GROUP BY ROLLUP (i_category, i_class);
SELECT s_store_name, d_day_name, sum(ss_sales_price) FROM store_sales JOIN store ON s_store_sk = ss_store_sk
JOIN date_dim ON d_date_sk = ss_sold_date_sk GROUP BY s_store_name, d_day_name ORDER BY 1, 2;
SELECT c_last_name, c_first_name, n FROM (SELECT ss_customer_sk, ss_ticket_number, count(*) AS n FROM store_sales
  GROUP BY 1, 2 HAVING count(*) BETWEEN 5 AND 12) JOIN ds_customer ON c_customer_sk = ss_customer_sk
ORDER BY c_last_name, c_first_name, n DESC, ss_ticket_number LIMIT 60;
WITH monthly AS (SELECT i_category, d_year, d_moy, sum(ss_sales_price) AS s FROM store_sales JOIN item ON i_item_sk = ss_item_sk
  JOIN date_dim ON d_date_sk = ss_sold_date_sk GROUP BY 1, 2, 3)
SELECT i_category, d_year, d_moy, s, avg(s) OVER (PARTITION BY i_category, d_year), lag(s) OVER (PARTITION BY i_category ORDER BY d_year, d_moy)
FROM monthly WHERE i_category IN ('Books', 'Music') ORDER BY 1, 2, 3;
SELECT count(*) FROM (SELECT ss_customer_sk FROM store_sales WHERE ss_quantity > 80 INTERSECT SELECT c_customer_sk FROM ds_customer
  WHERE c_birth_year < 1960);
SELECT avg(ss_quantity), avg(ss_ext_sales_price), min(ss_list_price), max(ss_list_price), sum(ss_net_profit) FROM store_sales
WHERE ss_sales_price BETWEEN DECIMAL '50.00' AND DECIMAL '100.00';
SELECT CASE WHEN count_if(ss_quantity BETWEEN 1 AND 20) > 100 THEN avg(ss_list_price) ELSE avg(ss_net_profit) END,
  CASE WHEN count_if(ss_quantity > 95) > 100000 THEN avg(ss_list_price) ELSE avg(ss_net_profit) END FROM store_sales;
SELECT i_item_id, avg(ss_quantity), avg(ss_list_price) FROM store_sales LEFT JOIN item ON i_item_sk = ss_item_sk GROUP BY i_item_id
ORDER BY i_item_id NULLS FIRST LIMIT 50;
SELECT d_qoy, sum(CASE d_day_name WHEN 'Sunday' THEN ss_sales_price END), sum(CASE d_day_name WHEN 'Monday' THEN ss_sales_price ELSE 0 END)
FROM store_sales JOIN date_dim ON d_date_sk = ss_sold_date_sk GROUP BY d_qoy ORDER BY d_qoy;
SELECT i_category, i_current_price, avg(i_current_price) OVER (PARTITION BY i_category) FROM item WHERE i_manager_id = 7 ORDER BY 1, 2, i_item_sk;
SELECT c_birth_country, count(*), approx_distinct(c_last_name) FROM ds_customer GROUP BY c_birth_country HAVING count(*) > 4 ORDER BY 2 DESC, 1;
SELECT ss_store_sk, count(DISTINCT ss_customer_sk), count(DISTINCT ss_item_sk), count(*) - count(ss_customer_sk) FROM store_sales GROUP BY 1;
SELECT * FROM (SELECT i_category, i_class, i_brand, sum(ss_sales_price) AS s, row_number() OVER (PARTITION BY i_category ORDER BY sum(ss_sales_price) DESC,
  i_class, i_brand) AS r FROM store_sales JOIN item ON i_item_sk = ss_item_sk GROUP BY 1, 2, 3) WHERE r <= 3 ORDER BY 1, r;
SELECT d_week_seq, sum(ss_net_profit) AS p, sum(sum(ss_net_profit)) OVER (ORDER BY d_week_seq) FROM store_sales
JOIN date_dim ON d_date_sk = ss_sold_date_sk WHERE d_year = 2000 GROUP BY d_week_seq ORDER BY d_week_seq;
SELECT s_state, d_year, grouping(s_state), sum(ss_net_profit) FROM store_sales JOIN store ON s_store_sk = ss_store_sk
JOIN date_dim ON d_date_sk = ss_sold_date_sk GROUP BY GROUPING SETS ((s_state, d_year), (d_year), ());
