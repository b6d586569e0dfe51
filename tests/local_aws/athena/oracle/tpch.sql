SELECT returnflag, linestatus, sum(quantity), sum(extendedprice), sum(extendedprice * (1 - discount)),
  sum(extendedprice * (1 - discount) * (1 + tax)), avg(quantity), avg(extendedprice), avg(discount), count(*)
FROM lineitem WHERE shipdate <= DATE '1998-12-01' - INTERVAL '60' DAY GROUP BY returnflag, linestatus
ORDER BY returnflag, linestatus;
SELECT s.name, s.acctbal, p.partkey, ps.supplycost FROM part p JOIN partsupp ps USING (partkey)
JOIN supplier s ON s.suppkey = ps.suppkey JOIN nation n ON n.nationkey = s.nationkey JOIN region r ON r.regionkey = n.regionkey
WHERE r.name = 'ASIA' AND p.size < 10 AND ps.supplycost = (SELECT min(b.supplycost) FROM partsupp b WHERE b.partkey = ps.partkey)
ORDER BY 2 DESC, 1, 3 LIMIT 30;
SELECT l.orderkey, sum(l.extendedprice * (1 - l.discount)) AS revenue, o.orderdate FROM customer c
JOIN orders o ON o.custkey = c.custkey JOIN lineitem l ON l.orderkey = o.orderkey
WHERE c.mktsegment = 'MACHINERY' AND o.orderdate < DATE '1996-06-01' GROUP BY l.orderkey, o.orderdate
ORDER BY revenue DESC, 1 LIMIT 15;
SELECT orderpriority, count(*) FROM orders o WHERE year(orderdate) = 1995 AND EXISTS (
  SELECT 1 FROM lineitem l WHERE l.orderkey = o.orderkey AND l.commitdate < l.receiptdate)
GROUP BY orderpriority ORDER BY orderpriority;
SELECT n.name, count(DISTINCT s.suppkey), sum(s.acctbal) FROM nation n LEFT JOIN supplier s ON s.nationkey = n.nationkey
GROUP BY n.name ORDER BY n.name;
SELECT sum(extendedprice * discount) FROM lineitem WHERE shipdate >= DATE '1994-01-01'
AND shipdate < DATE '1994-01-01' + INTERVAL '1' YEAR AND discount BETWEEN DECIMAL '0.03' AND DECIMAL '0.08' AND quantity < 30;
SELECT a.name, b.name, year(shipdate), sum(extendedprice) FROM lineitem l JOIN supplier s ON s.suppkey = l.suppkey
JOIN orders o ON o.orderkey = l.orderkey JOIN customer c ON c.custkey = o.custkey JOIN nation a ON a.nationkey = s.nationkey
JOIN nation b ON b.nationkey = c.nationkey WHERE b.regionkey = 1 AND a.regionkey = 2 GROUP BY a.name, b.name, year(shipdate)
ORDER BY 1, 2, 3;
SELECT extract(YEAR FROM orderdate) AS y, sum(CASE WHEN n.name LIKE '%A' THEN extendedprice ELSE 0 END) / sum(extendedprice)
FROM lineitem l JOIN orders o ON o.orderkey = l.orderkey JOIN supplier s ON s.suppkey = l.suppkey
JOIN nation n ON n.nationkey = s.nationkey GROUP BY 1 ORDER BY 1;
SELECT c.custkey, c.name, count(o.orderkey), coalesce(sum(o.totalprice), 0) FROM customer c
LEFT JOIN orders o ON o.custkey = c.custkey AND o.orderstatus <> 'F' GROUP BY c.custkey, c.name ORDER BY 3 DESC, 1 LIMIT 40;
SELECT n, count(*) FROM (SELECT c.custkey, count(o.orderkey) AS n FROM customer c LEFT JOIN orders o
  ON o.custkey = c.custkey AND o.orderpriority NOT LIKE '%LOW%' GROUP BY c.custkey) GROUP BY n ORDER BY 2 DESC, 1 DESC;
SELECT ps.partkey, sum(ps.supplycost * ps.availqty) AS v FROM partsupp ps GROUP BY ps.partkey
HAVING sum(ps.supplycost * ps.availqty) > (SELECT sum(supplycost * availqty) * DECIMAL '0.0045' FROM partsupp) ORDER BY v DESC;
SELECT shipmode, sum(CASE WHEN orderpriority IN ('1-URGENT', '2-HIGH') THEN 1 ELSE 0 END), count_if(orderpriority = '5-LOW')
FROM lineitem l JOIN orders o USING (orderkey) WHERE shipdate < commitdate AND commitdate < receiptdate
GROUP BY shipmode ORDER BY shipmode;
WITH revenue AS (SELECT suppkey, sum(extendedprice * (1 - discount)) AS total FROM lineitem WHERE quarter(shipdate) = 2 GROUP BY suppkey)
SELECT s.suppkey, s.name, total FROM supplier s JOIN revenue r ON r.suppkey = s.suppkey
WHERE total >= (SELECT max(total) / 2 FROM revenue) ORDER BY s.suppkey;
SELECT brand, type, size, count(DISTINCT ps.suppkey) AS n FROM partsupp ps JOIN part p ON p.partkey = ps.partkey
WHERE brand <> 'Brand#32' AND type NOT LIKE 'SMALL%' AND size IN (1, 4, 9, 16, 25, 36, 49)
GROUP BY brand, type, size ORDER BY n DESC, brand, type, size LIMIT 50;
SELECT sum(extendedprice) / 7 FROM lineitem l WHERE quantity < (SELECT avg(quantity) * 3E-1 FROM lineitem b WHERE b.suppkey = l.suppkey);
SELECT o.orderkey, o.totalprice, sum(quantity) FROM orders o JOIN lineitem l ON l.orderkey = o.orderkey
WHERE o.orderkey IN (SELECT orderkey FROM lineitem GROUP BY orderkey HAVING sum(quantity) > 200) GROUP BY o.orderkey, o.totalprice
ORDER BY 2 DESC, 1;
SELECT count(*), sum(extendedprice * (1 - discount)) FROM lineitem l JOIN part p ON p.partkey = l.partkey
WHERE (container LIKE 'SM%' AND quantity BETWEEN 1 AND 11) OR (container LIKE 'MED%' AND quantity BETWEEN 10 AND 20 AND shipmode = 'AIR');
SELECT s.name FROM supplier s WHERE suppkey IN (SELECT suppkey FROM partsupp ps WHERE availqty > (
  SELECT sum(quantity) / 2 FROM lineitem l WHERE l.partkey = ps.partkey AND l.suppkey = ps.suppkey)) ORDER BY s.name;
SELECT s.name, count(*) AS n FROM supplier s JOIN lineitem a ON a.suppkey = s.suppkey WHERE a.receiptdate > a.commitdate
AND EXISTS (SELECT 1 FROM lineitem b WHERE b.orderkey = a.orderkey AND b.suppkey <> a.suppkey)
AND NOT EXISTS (SELECT 1 FROM lineitem b WHERE b.orderkey = a.orderkey AND b.suppkey <> a.suppkey AND b.receiptdate > b.commitdate)
GROUP BY s.name ORDER BY n DESC, s.name LIMIT 25;
SELECT substr(phone, 1, 2) AS code, count(*), sum(acctbal) FROM customer c WHERE acctbal > (SELECT avg(acctbal) FROM customer
  WHERE acctbal > 0) AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.custkey = c.custkey) GROUP BY substr(phone, 1, 2) ORDER BY code;
SELECT orderstatus, year(orderdate), grouping(orderstatus, year(orderdate)), sum(totalprice) FROM orders
GROUP BY CUBE (orderstatus, year(orderdate));
SELECT orderkey, linenumber, extendedprice, rank() OVER (PARTITION BY orderkey ORDER BY extendedprice DESC),
  sum(extendedprice) OVER (PARTITION BY orderkey ORDER BY linenumber), lag(shipdate) OVER (PARTITION BY orderkey ORDER BY linenumber)
FROM lineitem WHERE orderkey < 200 ORDER BY orderkey, linenumber;
SELECT date_trunc('quarter', orderdate), count(*), min(totalprice), max_by(orderkey, totalprice) FROM orders GROUP BY 1 ORDER BY 1;
SELECT custkey, array_agg(orderkey ORDER BY orderdate, orderkey) FROM orders GROUP BY custkey HAVING count(*) < 10 ORDER BY custkey;
SELECT regexp_extract(name, '^\w+') AS w, count(*), avg(retailprice) FROM part GROUP BY 1 HAVING count(*) > 6 ORDER BY 2 DESC, 1;
SELECT approx_distinct(suppkey), count(DISTINCT suppkey), bool_or(quantity > 49), stddev(linenumber) FROM lineitem;
SELECT nationkey FROM customer INTERSECT SELECT nationkey FROM supplier ORDER BY 1;
SELECT nationkey FROM supplier EXCEPT SELECT nationkey FROM customer ORDER BY 1;
SELECT mktsegment, map_agg(nationkey, acctbal) FROM (SELECT mktsegment, nationkey, sum(acctbal) AS acctbal FROM customer GROUP BY 1, 2) GROUP BY 1 ORDER BY 1;
SELECT orderkey, t.w FROM orders CROSS JOIN UNNEST(split(orderpriority, '-')) AS t(w) WHERE custkey = 7 ORDER BY orderkey, w;
SELECT ntile(4) OVER (ORDER BY totalprice, orderkey) AS q, orderkey, totalprice FROM orders WHERE custkey < 12 ORDER BY 1, 3, 2;
SELECT o.orderkey, x.n, x.late FROM orders o CROSS JOIN LATERAL (SELECT count(*) AS n, count_if(receiptdate > commitdate) AS late
  FROM lineitem l WHERE l.orderkey = o.orderkey) x WHERE o.custkey < 10 ORDER BY 1;
