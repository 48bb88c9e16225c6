-- Buyers by month of first paid order (of all time) and month of purchase.
with paid_orders as (
  select o.shop_id, o.order_id, cast(o.paid_at as date) as pay_day, max(coalesce(o.buyer_key, b.buyer_key)) as buyer,
         sum(o.pay_amount) as paid
  from orders as o
  left join order_buyers as b on b.shop_id = o.shop_id and b.order_id = o.order_id
  where o.day < cast($end_day as date) and cast(o.paid_at as date) < cast($end_day as date)
  group by o.shop_id, o.order_id, cast(o.paid_at as date)
),
bought as (
  select buyer, cast(date_trunc('month', pay_day) as date) as month
  from paid_orders
  where buyer is not null
  group by 1, 2
),
firsts as (
  select buyer, month, min(month) over (partition by buyer) as first_month
  from bought
)
select first_month, month, count(*) as buyers
from firsts
group by first_month, month
order by first_month, month
