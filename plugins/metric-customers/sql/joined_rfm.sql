-- Buyers by recency (days from the last paid day to the period's last day), frequency (paid orders) and money, all history up
-- to the period's end. Buyers alike in all three are one row: scores need the distribution, not the people.
-- `known_buyer`: DataFusion 55.2 pushes a filter that names equal columns of both sides past a right join, and loses rows.
with paid_orders as (
  select o.pay_day, coalesce(o.buyer_key, b.known_buyer) as buyer, o.paid
  from (select shop_id, order_id, buyer_key as known_buyer from order_buyers) as b
  right join (
    select shop_id, order_id, cast(paid_at as date) as pay_day, max(buyer_key) as buyer_key, sum(pay_amount) as paid
    from orders
    where day < cast($end_day as date) and cast(paid_at as date) < cast($end_day as date)
    group by shop_id, order_id, cast(paid_at as date)
  ) as o on b.shop_id = o.shop_id and b.order_id = o.order_id
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
