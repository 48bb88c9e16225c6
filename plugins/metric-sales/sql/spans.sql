-- The period (`now`) and the comparable period (`prev`), each counted as a whole.
select span, count(*) as orders, count(buyer_key) as orders_with_buyer,
       sum(case when buyer_key is not null then paid end) as paid_with_buyer, count(distinct buyer_key) as buyers
from (
  select case when cast(paid_at as date) >= cast($start_day as date) then 'now' else 'prev' end as span,
         shop_id, order_id, max(buyer_key) as buyer_key, sum(pay_amount) as paid
  from orders
  where day >= cast($end_day as date) - interval '70 days' and day < cast($end_day as date)
    and ((cast(paid_at as date) >= cast($start_day as date) and cast(paid_at as date) < cast($end_day as date))
      or (cast(paid_at as date) >= cast($prev_start_day as date) and cast(paid_at as date) < cast($prev_end_day as date)))
  group by 1, 2, 3
) as paid_orders
group by span
order by span
