-- Scores 1 to 5 by quintile over all buyers up to the period's end, as the R package rfm cuts them: a score is one more than
-- the number of quantiles (20, 40, 60, 80 %, R type 7) that the value reaches; recency counts the other way round. A value
-- reaches a type-7 quantile exactly when it reaches the value at position ceil((n - 1) k / 5), so no quantile is interpolated.
with paid_orders as (
  select o.shop_id, o.order_id, cast(o.paid_at as date) as pay_day, max(coalesce(o.buyer_key, b.buyer_key)) as buyer,
         sum(o.pay_amount) as paid
  from orders as o
  left join order_buyers as b on b.shop_id = o.shop_id and b.order_id = o.order_id
  where o.day < cast($end_day as date) and cast(o.paid_at as date) < cast($end_day as date)
  group by o.shop_id, o.order_id, cast(o.paid_at as date)
),
buyers as (
  select buyer, cast(cast($end_day as date) as int) - 1 - cast(max(pay_day) as int) as recency, count(*) as frequency, sum(paid) as money
  from paid_orders
  where buyer is not null
  group by buyer
),
ranked as (
  select recency, frequency, money, count(*) over () as n,
         row_number() over (order by recency) as r_at, row_number() over (order by frequency) as f_at,
         row_number() over (order by money) as m_at
  from buyers
),
cuts as (
  select
    max(case when r_at = (n - 1 + 4) / 5 + 1 then recency end) as r1, max(case when r_at = ((n - 1) * 2 + 4) / 5 + 1 then recency end) as r2,
    max(case when r_at = ((n - 1) * 3 + 4) / 5 + 1 then recency end) as r3, max(case when r_at = ((n - 1) * 4 + 4) / 5 + 1 then recency end) as r4,
    max(case when f_at = (n - 1 + 4) / 5 + 1 then frequency end) as f1, max(case when f_at = ((n - 1) * 2 + 4) / 5 + 1 then frequency end) as f2,
    max(case when f_at = ((n - 1) * 3 + 4) / 5 + 1 then frequency end) as f3, max(case when f_at = ((n - 1) * 4 + 4) / 5 + 1 then frequency end) as f4,
    max(case when m_at = (n - 1 + 4) / 5 + 1 then money end) as m1, max(case when m_at = ((n - 1) * 2 + 4) / 5 + 1 then money end) as m2,
    max(case when m_at = ((n - 1) * 3 + 4) / 5 + 1 then money end) as m3, max(case when m_at = ((n - 1) * 4 + 4) / 5 + 1 then money end) as m4
  from ranked
),
scored as (
  select b.recency, b.frequency, b.money,
    5 - (case when b.recency >= c.r1 then 1 else 0 end + case when b.recency >= c.r2 then 1 else 0 end
       + case when b.recency >= c.r3 then 1 else 0 end + case when b.recency >= c.r4 then 1 else 0 end) as r,
    1 + (case when b.frequency >= c.f1 then 1 else 0 end + case when b.frequency >= c.f2 then 1 else 0 end
       + case when b.frequency >= c.f3 then 1 else 0 end + case when b.frequency >= c.f4 then 1 else 0 end) as f,
    1 + (case when b.money >= c.m1 then 1 else 0 end + case when b.money >= c.m2 then 1 else 0 end
       + case when b.money >= c.m3 then 1 else 0 end + case when b.money >= c.m4 then 1 else 0 end) as m
  from buyers as b
  cross join cuts as c
)
select r, f, m, count(*) as buyers, sum(money) as paid, sum(frequency) as orders, sum(recency) as recency_sum,
       min(recency) as recency_min, max(recency) as recency_max, min(frequency) as frequency_min, max(frequency) as frequency_max,
       min(money) as money_min, max(money) as money_max
from scored
group by r, f, m
order by r desc, f desc, m desc
