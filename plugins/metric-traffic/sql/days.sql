-- Per day, grain and carrier. PV adds; a UV figure stands only where a single row of the platform gives it.
select day, grain, carrier, sum(impressions) as impressions, sum(clicks) as clicks, sum(paid_orders) as paid_orders,
       sum(paid_amount) as paid_amount,
       case when count(*) = 1 then max(impression_users) end as impression_users,
       case when count(*) = 1 then max(click_users) end as click_users
from traffic
where day >= cast($end_day as date) - interval '63 days' and day < cast($end_day as date)
  and ((grain in ('shop_day', 'hour', 'product_day') and carrier is null) or (grain = 'carrier_day' and carrier is not null))
group by day, grain, carrier
order by day, grain, carrier
