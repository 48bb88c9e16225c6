-- Per pay day of the last 63 days, for the period (`now`) and the comparable one (`prev`): buyers and amounts, and those of
-- buyers whose first paid order of all time lies within. Orders without a buyer are counted, never attributed.
-- `known_buyer`: DataFusion 55.2 pushes a filter that names equal columns of both sides past a right join, and loses rows.
with bought as (
  select coalesce(o.buyer_key, b.known_buyer) as buyer, cast(o.paid_at as date) as pay_day, sum(o.pay_amount) as paid
  from (select shop_id, order_id, buyer_key as known_buyer from order_buyers) as b
  right join orders as o on b.shop_id = o.shop_id and b.order_id = o.order_id
  where o.day < cast($end_day as date) and cast(o.paid_at as date) < cast($end_day as date)
    and coalesce(o.buyer_key, b.known_buyer) is not null
  group by coalesce(o.buyer_key, b.known_buyer), cast(o.paid_at as date)
),
-- All history shrinks to one row per day of a first purchase.
by_buyer as (
  select min(pay_day) as first_day, first_value(paid order by pay_day) as first_paid,
         max(case when pay_day >= cast($start_day as date) then 1 end) as is_now,
         sum(case when pay_day >= cast($start_day as date) then paid end) as now_paid,
         max(case when pay_day >= cast($prev_start_day as date) and pay_day < cast($prev_end_day as date) then 1 end) as is_prev,
         sum(case when pay_day >= cast($prev_start_day as date) and pay_day < cast($prev_end_day as date) then paid end) as prev_paid
  from bought
  group by buyer
),
by_first as (
  select first_day, count(*) as new_buyers, sum(first_paid) as first_paid,
         count(is_now) as now_buyers, sum(now_paid) as now_paid, count(is_prev) as prev_buyers, sum(prev_paid) as prev_paid
  from by_buyer
  group by first_day
),
-- What each first day gives to the spans: its own new buyers, whose money does not return, and who of it came in each period.
parts as (
  select s.span, case s.span when 'day' then f.first_day else s.start end as since, f.first_day,
         case s.span when 'now' then f.now_buyers when 'prev' then f.prev_buyers else 0 end as buyers,
         case s.span when 'now' then f.now_buyers when 'prev' then f.prev_buyers else f.new_buyers end as firsts,
         case s.span when 'now' then f.now_paid when 'prev' then f.prev_paid end as paid,
         case s.span when 'now' then f.now_paid when 'prev' then f.prev_paid else -f.first_paid end as returning_paid
  from by_first as f
  cross join (
    select 'day' as span, cast($end_day as date) as start
    union all
    select 'now' as span, cast($start_day as date) as start
    union all
    select 'prev' as span, cast($prev_start_day as date) as start
  ) as s
),
sums as (
  select span, since, buyers, case when first_day >= since then firsts else 0 end as new_buyers, paid,
         case when span = 'day' or first_day < since then returning_paid end as returning_paid
  from parts
  union all
  select 'day' as span, pay_day as since, count(*) as buyers, 0 as new_buyers, sum(paid) as paid, sum(paid) as returning_paid
  from bought
  where pay_day >= cast($end_day as date) - interval '63 days'
  group by pay_day
)
select span, since as pay_day, sum(buyers) as buyers, sum(new_buyers) as new_buyers, sum(paid) as paid,
       sum(returning_paid) as returning_paid, cast(null as bigint) as orders, cast(null as bigint) as orders_with_buyer
from sums
group by span, since
having sum(buyers) > 0
union all
select 'cover' as span, cast($start_day as date) as pay_day, cast(null as bigint) as buyers, cast(null as bigint) as new_buyers,
       sum(paid) as paid, sum(case when buyer is not null then paid end) as returning_paid,
       count(*) as orders, count(buyer) as orders_with_buyer
from (
  select max(coalesce(o.buyer_key, b.buyer_key)) as buyer, sum(o.pay_amount) as paid
  from orders as o
  left join order_buyers as b on b.shop_id = o.shop_id and b.order_id = o.order_id
  where o.day < cast($end_day as date) and cast(o.paid_at as date) < cast($end_day as date)
    and cast(o.paid_at as date) >= cast($start_day as date)
  group by o.shop_id, o.order_id, cast(o.paid_at as date)
) as paid_orders
