-- Buyers where the orders or an ERP (order_buyers) name them: per pay day, for the period and for the comparable period.
with known as (
  select cast(o.paid_at as date) as pay_day, o.shop_id, o.order_id, max(coalesce(o.buyer_key, b.buyer_key)) as buyer_key,
         sum(o.pay_amount) as paid
  from orders as o
  left join order_buyers as b on b.shop_id = o.shop_id and b.order_id = o.order_id
  where o.day >= cast($end_day as date) - interval '70 days' and o.day < cast($end_day as date)
    and cast(o.paid_at as date) >= cast($end_day as date) - interval '63 days'
    and cast(o.paid_at as date) < cast($end_day as date)
  group by cast(o.paid_at as date), o.shop_id, o.order_id
)
select 'day' as span, pay_day, count(*) as orders, count(buyer_key) as orders_with_buyer,
       sum(case when buyer_key is not null then paid end) as paid_with_buyer, count(distinct buyer_key) as buyers
from known
group by pay_day
union all
select 'now' as span, max(pay_day) as pay_day, count(*) as orders, count(buyer_key) as orders_with_buyer,
       sum(case when buyer_key is not null then paid end) as paid_with_buyer, count(distinct buyer_key) as buyers
from known
where pay_day >= cast($start_day as date)
union all
select 'prev' as span, max(pay_day) as pay_day, count(*) as orders, count(buyer_key) as orders_with_buyer,
       sum(case when buyer_key is not null then paid end) as paid_with_buyer, count(distinct buyer_key) as buyers
from known
where pay_day >= cast($prev_start_day as date) and pay_day < cast($prev_end_day as date)
