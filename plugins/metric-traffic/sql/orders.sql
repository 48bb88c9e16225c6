-- Paid orders per pay day and carrier; carrier null where the export does not say yet.
select pay_day, carrier, count(*) as orders, sum(paid) as paid, sum(units) as units
from (
  select cast(paid_at as date) as pay_day, carrier, shop_id, order_id, sum(pay_amount) as paid, sum(qty) as units
  from orders
  where day >= cast($end_day as date) - interval '70 days' and day < cast($end_day as date)
    and cast(paid_at as date) >= cast($end_day as date) - interval '63 days'
    and cast(paid_at as date) < cast($end_day as date)
  group by cast(paid_at as date), carrier, shop_id, order_id
) as paid_orders
group by pay_day, carrier
order by pay_day, carrier
