-- One row per plan of the period, most spend first. A plan is provisional while any of its days is.
select
  plan, plan_id, spend, shows, clicks,
  spend * 1000 / nullif(cast(shows as decimal(20, 4)), 0) as cpm,
  cast(clicks as decimal(20, 4)) * 100 / nullif(cast(shows as decimal(20, 4)), 0) as ctr,
  paid_orders, paid_amount, paid_amount / nullif(spend, 0) as roi, provisional
from (
  select coalesce(max(plan_name), plan_id) as plan, plan_id, cast(sum(spend) as decimal(20, 4)) as spend, sum(shows) as shows,
         sum(clicks) as clicks, sum(paid_orders) as paid_orders, cast(sum(paid_amount) as decimal(20, 4)) as paid_amount,
         max(case when coalesce(provisional, false) or _exported_at < cast(day as timestamp) + interval '32 hours' then 1 else 0 end) = 1
           as provisional
  from ads
  where day >= cast($start_day as date) and day < cast($end_day as date)
  group by plan_id
) as plans
order by spend desc nulls last, plan_id
limit 50
