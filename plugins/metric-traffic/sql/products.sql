-- By product and day, 63 days; when the period is a single day, only that weekday and the comparable day.
select day, product_id, max(product_name) as product_name, sum(impressions) as impressions, sum(clicks) as clicks
from traffic
where grain = 'product_day' and carrier is null and product_id is not null
  and day >= cast($end_day as date) - interval '63 days' and day < cast($end_day as date)
  and (cast($end_day as date) > cast($start_day as date) + interval '1 day'
    or (day >= cast($prev_start_day as date) and day < cast($prev_end_day as date))
    or date_part('dow', day) = date_part('dow', cast($start_day as date)))
group by day, product_id
order by day, product_id
