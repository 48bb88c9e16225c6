-- Orders with money back, each counted once, on the first whole day before `as_of` by which money went back.
select pay_day, known_day, count(*) as orders
from (
  select o.pay_day, o.shop_id, o.order_id,
         min(coalesce(cast(r.refunded_at as date), cast(r.applied_at as date), r.day)) as known_day
  from refunds as r
  join (
    select shop_id, order_id, min(cast(paid_at as date)) as pay_day
    from orders
    where day >= cast($end_day as date) - interval '70 days' and day < cast($end_day as date) and paid_at is not null
    group by shop_id, order_id
  ) as o on o.shop_id = r.shop_id and o.order_id = r.order_id
  where r.day >= cast($end_day as date) - interval '70 days'
    and coalesce(cast(r.refunded_at as date), cast(r.applied_at as date), r.day) < cast($as_of as date)
    and r.amount is not null
  group by o.pay_day, o.shop_id, o.order_id
) as refunded_orders
group by pay_day, known_day
order by pay_day, known_day
