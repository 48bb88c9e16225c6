-- One row per order: an order has a line for each thing in it.
select order_id, cast(min(paid_at) as date) as day, sum(pay_amount) as paid
from orders
where paid_at < $end
group by order_id
order by order_id
