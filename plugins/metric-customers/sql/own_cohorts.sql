-- Buyers by month of first paid order (of all time) and month of purchase.
with paid_orders as (
  select shop_id, order_id, cast(paid_at as date) as pay_day, max(buyer_key) as buyer, sum(pay_amount) as paid
  from orders
  where day < cast($end_day as date) and cast(paid_at as date) < cast($end_day as date)
  group by shop_id, order_id, cast(paid_at as date)
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
