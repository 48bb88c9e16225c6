-- Buyers by month of first paid order (of all time) and month of purchase.
-- `known_buyer`: DataFusion 55.2 pushes a filter that names equal columns of both sides past a right join, and loses rows.
with bought as (
  select coalesce(o.buyer_key, b.known_buyer) as buyer, cast(date_trunc('month', cast(o.paid_at as date)) as date) as month
  from (select shop_id, order_id, buyer_key as known_buyer from order_buyers) as b
  right join orders as o on b.shop_id = o.shop_id and b.order_id = o.order_id
  where o.day < cast($end_day as date) and cast(o.paid_at as date) < cast($end_day as date)
    and coalesce(o.buyer_key, b.known_buyer) is not null
  group by 1, 2
),
firsts as (
  select month, min(month) over (partition by buyer) as first_month
  from bought
)
select first_month, month, count(*) as buyers
from firsts
group by first_month, month
order by first_month, month
