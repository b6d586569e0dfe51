-- Queries of the shapes of TPC-H and TPC-DS, over other tables and in other words; an empty line ends each.
SELECT state, flag, sum(amount) AS amount, sum(price * (1 - rebate)) AS net, sum(price * (1 - rebate) * (1 + tax)) AS gross,
  avg(amount) AS mean, count(*) AS lines
FROM lines
WHERE sent <= DATE '2021-12-01' - INTERVAL '90' DAY
GROUP BY state, flag
ORDER BY state, flag

SELECT m.balance, m.name, c.name, p.id FROM parts p, makers m, offers o, countries c, regions r
WHERE p.id = o.part AND m.id = o.maker AND p.size = 15 AND p.kind LIKE '%BRASS' AND m.country = c.id AND c.region = r.id
  AND r.name = 'EUROPE' AND o.cost = (
    SELECT min(o2.cost) FROM offers o2, makers m2, countries c2 WHERE p.id = o2.part AND m2.id = o2.maker AND m2.country = c2.id)
ORDER BY m.balance DESC, c.name, m.name, p.id
LIMIT 100

SELECT l.bill, sum(l.price * (1 - l.rebate)) AS revenue, b.day, b.urgency
FROM customers k JOIN bills b ON k.id = b.customer JOIN lines l ON l.bill = b.id
WHERE k.segment = 'BUILDING' AND b.day < DATE '2021-03-15' AND l.sent > DATE '2021-03-15'
GROUP BY l.bill, b.day, b.urgency
ORDER BY revenue DESC, b.day
LIMIT 10

SELECT priority, count(*) AS bills FROM bills
WHERE day >= DATE '2021-07-01' AND day < DATE '2021-07-01' + INTERVAL '3' MONTH
  AND EXISTS (SELECT * FROM lines WHERE bill = bills.id AND promised < received)
GROUP BY priority ORDER BY priority

SELECT sum(price * rebate) AS revenue FROM lines
WHERE sent >= DATE '2021-01-01' AND rebate BETWEEN 0.06 - 0.01 AND 0.06 + 0.01 AND amount < 24

SELECT source, target, year, sum(volume) FROM (
  SELECT c1.name AS source, c2.name AS target, EXTRACT(YEAR FROM l.sent) AS year, l.price * (1 - l.rebate) AS volume
  FROM lines l, countries c1, countries c2
  WHERE (c1.name = 'FRANCE' AND c2.name = 'GERMANY') OR (c1.name = 'GERMANY' AND c2.name = 'FRANCE')
) AS shipping
GROUP BY source, target, year ORDER BY 1, 2, 3

SELECT year, sum(CASE WHEN country = 'BRAZIL' THEN volume ELSE 0 END) / sum(volume) AS share
FROM (SELECT EXTRACT(YEAR FROM day) AS year, price * (1 - rebate) AS volume, name AS country FROM bills, countries) AS every
GROUP BY year ORDER BY year

SELECT part, sum(cost * stock) AS worth FROM offers
GROUP BY part
HAVING sum(cost * stock) > (SELECT sum(cost * stock) * 0.0001 FROM offers)
ORDER BY worth DESC

SELECT mode, sum(CASE WHEN priority = '1-URGENT' OR priority = '2-HIGH' THEN 1 ELSE 0 END) AS high,
  sum(CASE WHEN priority <> '1-URGENT' AND priority <> '2-HIGH' THEN 1 ELSE 0 END) AS low
FROM bills, lines WHERE bills.id = lines.bill AND mode IN ('MAIL', 'SHIP') GROUP BY mode

SELECT bills, count(*) AS customers FROM (
  SELECT k.id, count(b.id) FROM customers k LEFT OUTER JOIN bills b ON k.id = b.customer AND b.note NOT LIKE '%special%'
  GROUP BY k.id) AS counted (customer, bills)
GROUP BY bills ORDER BY customers DESC, bills DESC

SELECT 100.00 * sum(CASE WHEN kind LIKE 'PROMO%' THEN price * (1 - rebate) ELSE 0 END) / sum(price * (1 - rebate)) FROM lines, parts

WITH revenue (maker, total) AS (SELECT maker, sum(price * (1 - rebate)) FROM lines GROUP BY maker)
SELECT m.id, m.name, total FROM makers m, revenue r WHERE m.id = r.maker AND total = (SELECT max(total) FROM revenue) ORDER BY m.id

SELECT brand, kind, size, count(DISTINCT maker) AS makers FROM offers, parts
WHERE brand <> 'B45' AND kind NOT LIKE 'POLISHED%' AND size IN (49, 14, 23)
  AND maker NOT IN (SELECT id FROM makers WHERE note LIKE '%Complaints%')
GROUP BY brand, kind, size ORDER BY makers DESC, brand

SELECT sum(price) / 7.0 AS yearly FROM lines l, parts p
WHERE p.id = l.part AND amount < (SELECT 0.2 * avg(amount) FROM lines WHERE part = p.id)

SELECT k.name, b.id, sum(l.amount) FROM customers k, bills b, lines l
WHERE b.id IN (SELECT bill FROM lines GROUP BY bill HAVING sum(amount) > 300) AND k.id = b.customer AND b.id = l.bill
GROUP BY k.name, b.id ORDER BY b.total DESC LIMIT 100

SELECT sum(price) FROM lines, parts
WHERE (brand = 'B12' AND box IN ('SM CASE', 'SM BOX') AND amount >= 1 AND amount <= 1 + 10 AND size BETWEEN 1 AND 5)
  OR (brand = 'B23' AND box IN ('MED BAG') AND amount BETWEEN 10 AND 20)

SELECT name FROM makers WHERE id IN (
  SELECT maker FROM offers WHERE part IN (SELECT id FROM parts WHERE name LIKE 'forest%')
    AND stock > (SELECT 0.5 * sum(amount) FROM lines l WHERE l.part = offers.part AND l.maker = offers.maker))
ORDER BY name

SELECT name, count(*) AS waits FROM makers m, lines l1 WHERE l1.received > l1.promised
  AND EXISTS (SELECT * FROM lines l2 WHERE l2.bill = l1.bill AND l2.maker <> l1.maker)
  AND NOT EXISTS (SELECT * FROM lines l3 WHERE l3.bill = l1.bill AND l3.received > l3.promised)
GROUP BY name ORDER BY waits DESC, name LIMIT 100

SELECT code, count(*), sum(balance) FROM (
  SELECT substring(phone FROM 1 FOR 2) AS code, balance FROM customers
  WHERE substring(phone FROM 1 FOR 2) IN ('13', '31') AND balance > (SELECT avg(balance) FROM customers WHERE balance > 0.00)
) sale GROUP BY code ORDER BY code

WITH returned AS (
  SELECT customer, store, sum(fee) AS fee FROM returns, days WHERE day = days.id AND year = 2020 GROUP BY customer, store)
SELECT k.name FROM returned r1, customers k
WHERE r1.fee > (SELECT avg(fee) * 1.2 FROM returned r2 WHERE r1.store = r2.store) AND r1.customer = k.id
ORDER BY k.name LIMIT 100

WITH sold AS (
  SELECT day, price FROM web_sales UNION ALL SELECT day, price FROM mail_sales), weekly AS (
  SELECT week, sum(CASE WHEN weekday = 'Sunday' THEN price ELSE NULL END) AS sundays,
    sum(CASE WHEN weekday = 'Monday' THEN price ELSE NULL END) AS mondays
  FROM sold, days WHERE days.id = day GROUP BY week)
SELECT y.week, round(y.sundays / z.sundays, 2), round(y.mondays / z.mondays, 2)
FROM (SELECT week, sundays, mondays FROM weekly WHERE year = 2020) y, (SELECT * FROM weekly) z
WHERE y.week = z.week - 53 ORDER BY y.week

SELECT channel, id, sum(sales) AS sales, sum(fees) AS fees FROM (
  SELECT 'store channel' AS channel, 'store' || store AS id, sales, coalesce(fees, 0) AS fees FROM s
  UNION ALL
  SELECT 'web channel', 'site' || site, sales, fees FROM w LEFT OUTER JOIN r ON w.item = r.item) x
GROUP BY ROLLUP (channel, id) ORDER BY channel, id LIMIT 100

SELECT CASE WHEN (SELECT count(*) FROM sales WHERE amount BETWEEN 1 AND 20) > 25437 THEN (SELECT avg(discount) FROM sales)
  ELSE (SELECT avg(net) FROM sales) END AS bucket
FROM reasons WHERE id = 1

SELECT item, class, revenue, revenue * 100 / sum(revenue) OVER (PARTITION BY class) AS ratio
FROM (SELECT item, class, sum(price) AS revenue FROM sales GROUP BY item, class)
ORDER BY class, item, ratio

WITH same AS (
  SELECT brand FROM a WHERE year BETWEEN 1999 AND 2001 INTERSECT SELECT brand FROM b INTERSECT SELECT brand FROM c)
SELECT brand FROM items WHERE brand IN (SELECT brand FROM same) GROUP BY CUBE (brand, class)

SELECT count(*) FROM (
  (SELECT DISTINCT name, day FROM a) EXCEPT (SELECT DISTINCT name, day FROM b) EXCEPT (SELECT DISTINCT name, day FROM c)) cool

SELECT sum(net) AS total, category, class, GROUPING(category) + GROUPING(class) AS level,
  rank() OVER (PARTITION BY GROUPING(category) + GROUPING(class), CASE WHEN GROUPING(class) = 0 THEN category END
    ORDER BY sum(net) DESC) AS place
FROM sales, items GROUP BY ROLLUP (category, class) ORDER BY level DESC, place LIMIT 100

WITH monthly AS (
  SELECT category, brand, year, month, sum(price) AS sold,
    avg(sum(price)) OVER (PARTITION BY category, brand, year) AS mean,
    rank() OVER (PARTITION BY category, brand ORDER BY year, month) AS number
  FROM items, sales GROUP BY category, brand, year, month)
SELECT v.category, v.sold, before.sold AS earlier, after.sold AS later
FROM monthly v, monthly before, monthly after
WHERE v.number = before.number + 1 AND v.number = after.number - 1 AND v.mean > 0
  AND CASE WHEN v.mean > 0 THEN abs(v.sold - v.mean) / v.mean ELSE NULL END > 0.1
ORDER BY v.sold - v.mean, 3

WITH web AS (
  SELECT item, day, sum(sum(price)) OVER (PARTITION BY item ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running
  FROM web_sales GROUP BY item, day)
SELECT * FROM (
  SELECT coalesce(w.item, s.item) AS item, max(w.running) OVER (PARTITION BY w.item ORDER BY w.day) AS most
  FROM web w FULL OUTER JOIN web s ON (w.item = s.item AND w.day = s.day)) x
WHERE most > 0 LIMIT 100

SELECT a.name, a.first FROM (
  SELECT name, first, count(*) AS bought FROM sales GROUP BY name, first HAVING (count(*) / 2) BETWEEN 15 AND 20) a,
  customers WHERE a.name = customers.name AND bought > 1 ORDER BY a.name, a.first DESC, 2 NULLS FIRST

SELECT count(DISTINCT bill) AS "bill count", sum(cost) AS "total shipping cost" FROM mail_sales m1, days
WHERE day BETWEEN DATE '2020-02-01' AND (DATE '2020-02-01' + INTERVAL '60' DAY)
  AND EXISTS (SELECT * FROM mail_sales m2 WHERE m1.bill = m2.bill AND m1.shop <> m2.shop)
ORDER BY count(DISTINCT bill)

SELECT * FROM (SELECT avg(price) AS mean, count(price), count(DISTINCT price) FROM sales WHERE amount BETWEEN 0 AND 5) b1,
  (SELECT avg(price), count(price) FROM sales WHERE amount BETWEEN 6 AND 10) b2 CROSS JOIN (SELECT 1) b3 (one)

SELECT cast(sum(am) AS decimal(15, 4)) / cast(sum(pm) AS decimal(15, 4)) AS ratio
FROM (SELECT count(*) AS am FROM web WHERE hour BETWEEN 8 AND 9) at, (SELECT count(*) pm FROM web) pt

SELECT 'web' AS channel, item, ratio, rank() OVER (ORDER BY ratio) AS place FROM (
  SELECT item, (CAST(sum(coalesce(back, 0)) AS decimal(15,4)) / CAST(sum(coalesce(sold, 0)) AS decimal(15,4))) AS ratio
  FROM web GROUP BY item) AS in_web WHERE (place <= 10 OR ratio <= 10)
UNION
(SELECT 'store', item, ratio, dense_rank() OVER (ORDER BY ratio DESC) FROM stores)
ORDER BY 1, 4 LIMIT 100
