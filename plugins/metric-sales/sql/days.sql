-- One row per pay day of the last 63 days. Orders are read from 70 days back: some are paid days after they were placed.
select pay_day, sum(paid) as paid, sum(units) as units, count(*) as orders,
       count(buyer_key) as orders_with_buyer, sum(case when buyer_key is not null then paid end) as paid_with_buyer,
       count(distinct buyer_key) as buyers
from (
  select cast(paid_at as date) as pay_day, shop_id, order_id, max(buyer_key) as buyer_key,
         sum(pay_amount) as paid, sum(qty) as units
  from orders
  where day >= cast($end_day as date) - interval '70 days' and day < cast($end_day as date)
    and cast(paid_at as date) >= cast($end_day as date) - interval '63 days'
    and cast(paid_at as date) < cast($end_day as date)
  group by cast(paid_at as date), shop_id, order_id
) as paid_orders
group by pay_day
order by pay_day
