-- One row per pay day, from the first order to the period's end.
select pay_day, sum(paid) as paid, sum(units) as units, count(*) as orders
from (
  select cast(paid_at as date) as pay_day, shop_id, order_id, sum(pay_amount) as paid, sum(qty) as units
  from orders
  where day < cast($end_day as date) and cast(paid_at as date) < cast($end_day as date)
  group by cast(paid_at as date), shop_id, order_id
) as paid_orders
group by pay_day
order by pay_day
