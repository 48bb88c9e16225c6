-- One row, of the period and of the comparable one. Ratios are sums over sums; nothing is divided by zero. Spend is
-- provisional where the platform says so or the export was made before 08:00 of the day after.
select
  n.spend, n.provisional_spend, n.paid_amount, n.paid_orders,
  n.paid_amount / nullif(n.spend, 0) as roi,
  n.spend * 1000 / nullif(n.shows, 0) as cpm,
  n.clicks * 100 / nullif(n.shows, 0) as ctr,
  n.spend / nullif(n.clicks, 0) as cpc,
  p.spend as prev_spend, p.paid_amount as prev_paid_amount, p.paid_orders as prev_paid_orders,
  p.paid_amount / nullif(p.spend, 0) as prev_roi,
  p.spend * 1000 / nullif(p.shows, 0) as prev_cpm,
  p.clicks * 100 / nullif(p.shows, 0) as prev_ctr,
  p.spend / nullif(p.clicks, 0) as prev_cpc
from (
  select cast(sum(spend) as decimal(20, 4)) as spend,
         cast(sum(case when coalesce(provisional, false) or _exported_at < cast(day as timestamp) + interval '32 hours' then spend
                       else spend - spend end) as decimal(20, 4)) as provisional_spend,
         cast(sum(paid_amount) as decimal(20, 4)) as paid_amount, sum(paid_orders) as paid_orders,
         cast(sum(shows) as decimal(20, 4)) as shows, cast(sum(clicks) as decimal(20, 4)) as clicks
  from ads
  where day >= cast($start_day as date) and day < cast($end_day as date)
) as n
cross join (
  select cast(sum(spend) as decimal(20, 4)) as spend, cast(sum(paid_amount) as decimal(20, 4)) as paid_amount,
         sum(paid_orders) as paid_orders, cast(sum(shows) as decimal(20, 4)) as shows,
         cast(sum(clicks) as decimal(20, 4)) as clicks
  from ads
  where day >= cast($prev_start_day as date) and day < cast($prev_end_day as date)
) as p
