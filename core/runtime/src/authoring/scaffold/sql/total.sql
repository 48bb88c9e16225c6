-- Large is 300 and more. Ratios are sums over sums; where nothing was paid there is no ratio.
with paid as (
  select order_id, min(paid_at) as paid_at, sum(pay_amount) as amount
  from orders
  where paid_at >= $prev_start and paid_at < $end
  group by order_id
), sums as (
  select paid_at >= $start as now,
         cast(sum(amount) as decimal(20, 4)) as all_paid,
         cast(sum(case when amount >= 300 then amount else amount - amount end) as decimal(20, 4)) as large_paid,
         sum(case when amount >= 300 then 1 else 0 end) as large
  from paid
  group by paid_at >= $start
)
select max(case when now then large_paid * 100 / nullif(all_paid, 0) end) as large_share,
       max(case when now then large end) as large_orders,
       max(case when not now then large_paid * 100 / nullif(all_paid, 0) end) as prev_large_share,
       max(case when not now then large end) as prev_large_orders
from sums
