-- Window form: of those who bought in the 30 days that end with the period (`now`) or with the comparable one (`prev`), who
-- bought at least twice. Cohort form: of those who bought in the period moved back 30 days (`cohort_now`; `cohort_prev`: the
-- comparable one), who bought again on a later day within 30 days.
with paid_orders as (
  select o.shop_id, o.order_id, cast(o.paid_at as date) as pay_day, max(coalesce(o.buyer_key, b.buyer_key)) as buyer,
         sum(o.pay_amount) as paid
  from orders as o
  left join order_buyers as b on b.shop_id = o.shop_id and b.order_id = o.order_id
  where o.day < cast($end_day as date) and cast(o.paid_at as date) < cast($end_day as date)
  group by o.shop_id, o.order_id, cast(o.paid_at as date)
),
bought as (
  select buyer, pay_day, count(*) as orders, lead(pay_day) over (partition by buyer order by pay_day) as next_day
  from paid_orders
  where buyer is not null
  group by buyer, pay_day
),
window_form as (
  select 'now' as form, buyer, sum(orders) as orders
  from bought
  where pay_day >= cast($end_day as date) - interval '30 days'
  group by buyer
  union all
  select 'prev' as form, buyer, sum(orders) as orders
  from bought
  where pay_day >= cast($prev_end_day as date) - interval '30 days' and pay_day < cast($prev_end_day as date)
  group by buyer
),
cohort_form as (
  select 'cohort_now' as form, buyer, max(case when next_day <= pay_day + interval '30 days' then 1 else 0 end) as again
  from bought
  where pay_day >= cast($start_day as date) - interval '30 days' and pay_day < cast($end_day as date) - interval '30 days'
  group by buyer
  union all
  select 'cohort_prev' as form, buyer, max(case when next_day <= pay_day + interval '30 days' then 1 else 0 end) as again
  from bought
  where pay_day >= cast($prev_start_day as date) - interval '30 days'
    and pay_day < cast($prev_end_day as date) - interval '30 days'
  group by buyer
)
select form, count(*) as buyers, count(case when orders >= 2 then 1 end) as again, min(history.day) as first_day
from window_form
cross join (select min(pay_day) as day from bought) as history
group by form
union all
select form, count(*) as buyers, sum(again) as again, min(history.day) as first_day
from cohort_form
cross join (select min(pay_day) as day from bought) as history
group by form
