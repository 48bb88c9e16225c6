select order_id, pay_amount from orders where day >= $start_day and day < $end_day
