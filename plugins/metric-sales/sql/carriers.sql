-- By carrier (流量体裁); null where the export does not say yet.
select span, carrier, sum(paid) as paid, sum(units) as units, count(*) as orders
from (
  select case when cast(paid_at as date) >= cast($start_day as date) then 'now' else 'prev' end as span,
         carrier, shop_id, order_id, sum(pay_amount) as paid, sum(qty) as units
  from orders
  where day >= cast($end_day as date) - interval '70 days' and day < cast($end_day as date)
    and ((cast(paid_at as date) >= cast($start_day as date) and cast(paid_at as date) < cast($end_day as date))
      or (cast(paid_at as date) >= cast($prev_start_day as date) and cast(paid_at as date) < cast($prev_end_day as date)))
  group by 1, 2, 3, 4
) as paid_orders
group by span, carrier
order by span, carrier
