-- Money back by the pay day of its order and its age in days; only whole days before `as_of` count, and none older than 60.
select pay_day, age, sum(amount) as amount, count(*) as cases
from (
  select o.pay_day, r.amount,
         cast(coalesce(cast(r.refunded_at as date), cast(r.applied_at as date), r.day) as int) - cast(o.pay_day as int) as age
  from refunds as r
  join (
    select shop_id, order_id, min(cast(paid_at as date)) as pay_day
    from orders
    where day < cast($end_day as date) and paid_at is not null
    group by shop_id, order_id
  ) as o on o.shop_id = r.shop_id and o.order_id = r.order_id
  where r.amount is not null
    and coalesce(cast(r.refunded_at as date), cast(r.applied_at as date), r.day) < cast($as_of as date)
) as aged
where age <= 60
group by pay_day, age
order by pay_day, age
