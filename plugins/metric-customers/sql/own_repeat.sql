-- Window form: of those who bought in the 30 days that end with the period (`now`) or with the comparable one (`prev`), who
-- bought at least twice. Cohort form: of those who bought in the period moved back 30 days (`cohort_now`; `cohort_prev`: the
-- comparable one), who bought again on a later day within 30 days. Of what lies before, only the first day of all matters.
with paid_orders as (
  select shop_id, order_id, cast(paid_at as date) as pay_day, max(buyer_key) as buyer
  from orders
  where day < cast($end_day as date) and cast(paid_at as date) < cast($end_day as date)
    and cast(paid_at as date) >= cast($prev_start_day as date) - interval '30 days'
  group by shop_id, order_id, cast(paid_at as date)
),
history as (
  select min(cast(paid_at as date)) as first_day
  from orders
  where buyer_key is not null and day < cast($end_day as date) and cast(paid_at as date) < cast($end_day as date)
),
bought as (
  select buyer, pay_day, count(*) as orders, lead(pay_day) over (partition by buyer order by pay_day) as next_day
  from paid_orders
  where buyer is not null
  group by buyer, pay_day
),
marked as (
  select buyer, pay_day, orders, case when next_day <= pay_day + interval '30 days' then 1 else 0 end as again
  from bought
),
buyers as (
  select sum(case when pay_day >= cast($end_day as date) - interval '30 days' then orders end) as now_orders,
         sum(case when pay_day >= cast($prev_end_day as date) - interval '30 days' and pay_day < cast($prev_end_day as date)
             then orders end) as prev_orders,
         max(case when pay_day >= cast($start_day as date) - interval '30 days'
                   and pay_day < cast($end_day as date) - interval '30 days' then again end) as cohort_now,
         max(case when pay_day >= cast($prev_start_day as date) - interval '30 days'
                   and pay_day < cast($prev_end_day as date) - interval '30 days' then again end) as cohort_prev
  from marked
  group by buyer
),
counts as (
  select count(now_orders) as now_buyers, count(case when now_orders >= 2 then 1 end) as now_again,
         count(prev_orders) as prev_buyers, count(case when prev_orders >= 2 then 1 end) as prev_again,
         count(cohort_now) as cohort_now_buyers, sum(cohort_now) as cohort_now_again,
         count(cohort_prev) as cohort_prev_buyers, sum(cohort_prev) as cohort_prev_again
  from buyers
),
forms as (
  select f.form, history.first_day,
         case f.form when 'now' then c.now_buyers when 'prev' then c.prev_buyers
                     when 'cohort_now' then c.cohort_now_buyers else c.cohort_prev_buyers end as buyers,
         case f.form when 'now' then c.now_again when 'prev' then c.prev_again
                     when 'cohort_now' then c.cohort_now_again else c.cohort_prev_again end as again
  from counts as c
  cross join (
    select 'now' as form union all select 'prev' as form union all select 'cohort_now' as form union all select 'cohort_prev' as form
  ) as f
  cross join history
)
select form, buyers, again, first_day
from forms
where buyers > 0
