-- One row per live session.
select day, live_id, author_name, started_at, minutes, room_impressions, room_impression_users, views, viewers,
       product_impressions, product_clicks, paid_orders, pay_amount
from lives
where day >= cast($end_day as date) - interval '63 days' and day < cast($end_day as date)
order by started_at, live_id
