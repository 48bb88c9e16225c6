-- Paid orders by product and pay day, on the days of `products.sql`.
select pay_day, product_id, count(distinct order_id) as orders, sum(pay_amount) as paid, sum(qty) as units
from (
  select cast(paid_at as date) as pay_day, product_id, order_id, pay_amount, qty
  from orders
  where day >= cast($end_day as date) - interval '70 days' and day < cast($end_day as date) and product_id is not null
    and cast(paid_at as date) >= cast($end_day as date) - interval '63 days' and cast(paid_at as date) < cast($end_day as date)
    and (cast($end_day as date) > cast($start_day as date) + interval '1 day'
      or (cast(paid_at as date) >= cast($prev_start_day as date) and cast(paid_at as date) < cast($prev_end_day as date))
      or date_part('dow', paid_at) = date_part('dow', cast($start_day as date)))
) as lines
group by pay_day, product_id
order by pay_day, product_id
