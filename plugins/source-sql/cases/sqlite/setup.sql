create table products (
  product_id text primary key, name varchar(80), supplier text, cost decimal(10,2), weight real, list_price numeric, lead_time integer, on_sale boolean, listed_on date
);
insert into products values
  ('6917926768823643751', '连衣裙 夏季', '宁波织造', 39.9, 0.35, 129, 7, 1, '2026-01-05'),
  ('6917926768823643752', '<b>&"{{ x }}</b>', null, 0.07, null, 19.5, null, 0, null),
  ('6917926768823643753', '', '', null, 1e20, '12.340', 14, null, '2025-12-31');
create table order_buyers (order_id text, buyer_id text, ordered_at timestamp);
insert into order_buyers values
  ('1', '13800000001', '2026-11-20 23:59:59'), ('2', '13800000002', '2026-11-21 00:00:00'),
  ('3', null, '2026-11-21 23:59:59'), ('4', '13800000001', '2026-11-22 00:00:00');
