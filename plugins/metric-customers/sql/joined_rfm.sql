-- Buyers by recency (days from the last paid day to the period's last day), frequency (paid orders) and money, all history up
-- to the period's end. Buyers alike in all three are one row: scores need the distribution, not the people.
with paid_orders as (
  select o.shop_id, o.order_id, cast(o.paid_at as date) as pay_day, max(coalesce(o.buyer_key, b.buyer_key)) as buyer,
         sum(o.pay_amount) as paid
  from orders as o
  left join order_buyers as b on b.shop_id = o.shop_id and b.order_id = o.order_id
  where o.day < cast($end_day as date) and cast(o.paid_at as date) < cast($end_day as date)
  group by o.shop_id, o.order_id, cast(o.paid_at as date)
),
buyers as (
  select buyer, cast(cast($end_day as date) as int) - 1 - cast(max(pay_day) as int) as recency, count(*) as frequency,
         sum(paid) as money
  from paid_orders
  where buyer is not null
  group by buyer
)
select cast(recency as bigint) as recency, frequency, money, count(*) as buyers
from buyers
group by recency, frequency, money
