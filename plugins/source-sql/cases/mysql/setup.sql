create table products (
  product_id varchar(32) primary key, name varchar(80), cost decimal(10,2), rate decimal(38,30), big bigint, huge bigint unsigned, small tinyint unsigned,
  on_sale boolean, listed_on date, changed timestamp null, seen datetime, weight double, about text
) default charset utf8mb4;
set time_zone = '+00:00';
set sql_mode = '';
insert into products values
  ('6917926768823643751', '连衣裙 夏季 👗', 39.90, 0.123456789012345678901234567890, 9223372036854775807, 18446744073709551615, 255, true, '2026-01-05', '2026-11-20 16:30:00', '2026-11-21 08:00:00', 0.1, 'long'),
  ('6917926768823643752', null, null, null, null, null, null, null, null, null, null, null, null),
  ('6917926768823643753', '', -0.07, 0, -1, 0, 0, false, '0000-00-00', null, '0000-00-00 00:00:00', 1e300, '');
create table order_buyers (order_id bigint, buyer_id varchar(20), ordered_at datetime);
insert into order_buyers values
  (1, '13800000001', '2026-11-20 23:59:59'), (2, '13800000002', '2026-11-21 00:00:00'),
  (3, null, '2026-11-21 23:59:59'), (4, '13800000001', '2026-11-22 00:00:00');
