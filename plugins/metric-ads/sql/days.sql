-- One row per day of the last 35.
select day, sum(spend) as spend, sum(paid_amount) as paid_amount,
  cast(sum(paid_amount) as decimal(20, 4)) / nullif(cast(sum(spend) as decimal(20, 4)), 0) as roi
from ads
where day >= cast($end_day as date) - interval '35 days' and day < cast($end_day as date)
group by day
order by day
