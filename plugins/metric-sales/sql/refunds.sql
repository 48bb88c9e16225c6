-- Money back by the pay day of its order and the day it went back (where only the application or the order is dated: that
-- day). Only whole days before `as_of` count, so that every age is complete; a case without money back does not count.
select o.pay_day, coalesce(cast(r.refunded_at as date), cast(r.applied_at as date), r.day) as known_day,
       sum(r.amount) as amount, count(*) as cases, count(distinct r.order_id) as orders
from refunds as r
left join (
  select shop_id, order_id, min(cast(paid_at as date)) as pay_day
  from orders
  where day >= cast($end_day as date) - interval '70 days' and day < cast($end_day as date) and paid_at is not null
  group by shop_id, order_id
) as o on o.shop_id = r.shop_id and o.order_id = r.order_id
where r.day >= cast($end_day as date) - interval '70 days'
  and coalesce(cast(r.refunded_at as date), cast(r.applied_at as date), r.day) < cast($as_of as date)
  and r.amount is not null
group by 1, 2
order by 1, 2
