-- Money back for the orders paid in the period or the comparable period, by product and day it went back. The case names
-- the product; where it does not, an order of a single product does.
select o.span, coalesce(r.product_id, o.only_product) as product_id,
       coalesce(cast(r.refunded_at as date), cast(r.applied_at as date), r.day) as known_day, sum(r.amount) as amount
from refunds as r
join (
  select case when min(cast(paid_at as date)) >= cast($start_day as date) then 'now' else 'prev' end as span, shop_id, order_id,
         case when min(product_id) = max(product_id) then min(product_id) end as only_product
  from orders
  where day >= cast($end_day as date) - interval '70 days' and day < cast($end_day as date)
    and ((cast(paid_at as date) >= cast($start_day as date) and cast(paid_at as date) < cast($end_day as date))
      or (cast(paid_at as date) >= cast($prev_start_day as date) and cast(paid_at as date) < cast($prev_end_day as date)))
  group by shop_id, order_id
) as o on o.shop_id = r.shop_id and o.order_id = r.order_id
where r.day >= cast($end_day as date) - interval '70 days'
  and coalesce(cast(r.refunded_at as date), cast(r.applied_at as date), r.day) < cast($as_of as date)
  and r.amount is not null
group by 1, 2, 3
order by 1, 2, 3
