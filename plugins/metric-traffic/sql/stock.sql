-- Stock free to sell at the last snapshot: a snapshot is never summed over days.
select i.product_id, i.day, sum(i.available) as available
from inventory as i
join (
  select shop_id, max(day) as day
  from inventory
  where day >= cast($end_day as date) - interval '7 days' and day < cast($end_day as date)
  group by shop_id
) as latest on latest.shop_id = i.shop_id and latest.day = i.day
group by i.product_id, i.day
order by i.product_id, i.day
