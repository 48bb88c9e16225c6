-- One row per day: orders, and those of 300 and more.
select day, count(*) as orders, sum(case when amount >= 300 then 1 else 0 end) as large
from (
  select order_id, cast(min(paid_at) as date) as day, sum(pay_amount) as amount
  from orders
  where paid_at < $end
  group by order_id
) as paid
group by day
order by day
