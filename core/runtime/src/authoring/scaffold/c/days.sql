-- One row per day, as texts and whole numbers, which are easy to read in C. Large is 300 and more.
select cast(day as varchar) as day,
       cast(day >= cast($start_day as date) as bigint) as now,
       count(*) as orders,
       cast(sum(case when amount >= 300 then 1 else 0 end) as bigint) as large,
       cast(sum(amount) * 100 as bigint) as paid,
       cast(sum(case when amount >= 300 then amount else amount - amount end) * 100 as bigint) as large_paid
from (
  select order_id, cast(min(paid_at) as date) as day, sum(pay_amount) as amount
  from orders
  where paid_at < $end
  group by order_id
) as paid
group by day
order by day
