-- Money back for orders paid on the campaign's days, by product and age in days. The case names the product; where it does
-- not, an order of a single product does.
select product_id, age, sum(amount) as amount
from (
  select coalesce(r.product_id, o.only_product) as product_id, r.amount,
         cast(coalesce(cast(r.refunded_at as date), cast(r.applied_at as date), r.day) as int) - cast(o.pay_day as int) as age
  from refunds as r
  join (
    select shop_id, order_id, min(cast(paid_at as date)) as pay_day,
           case when min(product_id) = max(product_id) then min(product_id) end as only_product
    from orders
    where day < cast($end_day as date) and cast(paid_at as date) >= cast($start_day as date)
      and cast(paid_at as date) < cast($end_day as date)
    group by shop_id, order_id
  ) as o on o.shop_id = r.shop_id and o.order_id = r.order_id
  where r.amount is not null
    and coalesce(cast(r.refunded_at as date), cast(r.applied_at as date), r.day) < cast($as_of as date)
) as aged
group by product_id, age
order by product_id, age
