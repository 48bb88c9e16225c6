-- By product: the campaign's days (`now`) and as many days before (`prev`).
select span, product_id, max(product_name) as product_name, sum(pay_amount) as paid, sum(qty) as units,
       count(distinct order_id) as orders
from (
  select case when cast(paid_at as date) >= cast($start_day as date) then 'now' else 'prev' end as span,
         product_id, product_name, pay_amount, qty, order_id
  from orders
  where day < cast($end_day as date)
    and ((cast(paid_at as date) >= cast($start_day as date) and cast(paid_at as date) < cast($end_day as date))
      or (cast(paid_at as date) >= cast($prev_start_day as date) and cast(paid_at as date) < cast($prev_end_day as date)))
) as lines
group by span, product_id
order by span, product_id
