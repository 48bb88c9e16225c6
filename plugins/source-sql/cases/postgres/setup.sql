create table products (
  product_id text primary key, name varchar(80), cost numeric(10,2), rate numeric, big bigint, on_sale boolean, listed_on date, changed timestamptz, seen timestamp(0), tags text[], weight float8
);
insert into products values
  ('6917926768823643751', '连衣裙 夏季', 39.90, 0.123456789012345678901234567890, 9223372036854775807, true, '2026-01-05', '2026-11-20 16:30:00+00', '2026-11-21 08:00:00', '{a,b}', 0.1),
  ('6917926768823643752', null, null, null, null, null, null, null, null, null, null),
  ('6917926768823643753', '', -0.07, 12.340, -1, false, '2025-12-31', '2026-11-20 16:30:00.25+00', '2026-11-21 23:59:59', '{}', 1e300);
create table order_buyers (order_id bigint, buyer_id text, ordered_at timestamptz);
insert into order_buyers values
  (1, '13800000001', '2026-11-20 23:59:59+08'), (2, '13800000002', '2026-11-21 00:00:00+08'),
  (3, null, '2026-11-21 23:59:59+08'), (4, '13800000001', '2026-11-22 00:00:00+08');
create view costs as select product_id, cost, cost * 2 as twice from products;
