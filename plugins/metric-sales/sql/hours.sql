-- By hour of payment, 0 to 23.
select span, cast(date_part('hour', paid_at) as bigint) as hour, sum(pay_amount) as paid
from (
  select case when cast(paid_at as date) >= cast($start_day as date) then 'now' else 'prev' end as span, paid_at, pay_amount
  from orders
  where day >= cast($end_day as date) - interval '70 days' and day < cast($end_day as date)
    and ((cast(paid_at as date) >= cast($start_day as date) and cast(paid_at as date) < cast($end_day as date))
      or (cast(paid_at as date) >= cast($prev_start_day as date) and cast(paid_at as date) < cast($prev_end_day as date)))
) as lines
group by 1, 2
order by 1, 2
