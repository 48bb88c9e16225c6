-- Per pay day of the last 63 days, for the period (`now`) and the comparable one (`prev`): buyers and amounts, and those of
-- buyers whose first paid order of all time lies within. Orders without a buyer are counted, never attributed.
with paid_orders as (
  select shop_id, order_id, cast(paid_at as date) as pay_day, max(buyer_key) as buyer, sum(pay_amount) as paid
  from orders
  where day < cast($end_day as date) and cast(paid_at as date) < cast($end_day as date)
  group by shop_id, order_id, cast(paid_at as date)
),
bought as (
  select buyer, pay_day, min(pay_day) over (partition by buyer) as first_day, sum(paid) as paid, count(*) as orders
  from paid_orders
  where buyer is not null
  group by buyer, pay_day
),
spans as (
  select 'day' as span, pay_day, buyer, first_day = pay_day as is_new, paid
  from bought
  where pay_day >= cast($end_day as date) - interval '63 days'
  union all
  select 'now' as span, cast($start_day as date) as pay_day, buyer, first_day >= cast($start_day as date) as is_new, paid
  from bought
  where pay_day >= cast($start_day as date)
  union all
  select 'prev' as span, cast($prev_start_day as date) as pay_day, buyer, first_day >= cast($prev_start_day as date) as is_new, paid
  from bought
  where pay_day >= cast($prev_start_day as date) and pay_day < cast($prev_end_day as date)
)
select span, pay_day, count(distinct buyer) as buyers, count(distinct case when is_new then buyer end) as new_buyers,
       sum(paid) as paid, sum(case when not is_new then paid end) as returning_paid,
       cast(null as bigint) as orders, cast(null as bigint) as orders_with_buyer
from spans
group by span, pay_day
union all
select 'cover' as span, cast($start_day as date) as pay_day, cast(null as bigint) as buyers, cast(null as bigint) as new_buyers,
       sum(paid) as paid, sum(case when buyer is not null then paid end) as returning_paid,
       count(*) as orders, count(buyer) as orders_with_buyer
from paid_orders
where pay_day >= cast($start_day as date)
