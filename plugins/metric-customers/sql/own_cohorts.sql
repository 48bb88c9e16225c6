-- Buyers by month of first paid order (of all time) and month of purchase.
with bought as (
  select buyer_key as buyer, cast(date_trunc('month', cast(paid_at as date)) as date) as month
  from orders
  where buyer_key is not null and day < cast($end_day as date) and cast(paid_at as date) < cast($end_day as date)
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
