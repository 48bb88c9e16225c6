-- An order with several lines is one order; it counts where it was first paid.
select sum(pay_amount) as amount
from orders
where paid_at >= $start and paid_at < $end
group by order_id
