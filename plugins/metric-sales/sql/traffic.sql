-- Impressions and clicks (PV, they add) per day and grain; rows for all carriers, except where the grain is the carrier.
select day, grain, sum(impressions) as impressions, sum(clicks) as clicks
from traffic
where day >= cast($end_day as date) - interval '63 days' and day < cast($end_day as date)
  and ((grain in ('shop_day', 'hour', 'product_day') and carrier is null) or (grain = 'carrier_day' and carrier is not null))
group by day, grain
order by day, grain
